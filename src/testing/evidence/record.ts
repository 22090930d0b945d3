import type { AnyQmpEvent, EventStream } from "../../qmp/mod.ts";
import type { Verdict, Vm } from "../../vm/mod.ts";
import { BoundedLog } from "./bounded_log.ts";
import type { SaidPiece } from "./console_lines.ts";
import type { CommandEntry } from "./model.ts";
import type { Restored } from "./shell_line.ts";
import { WireLog } from "./wire_log.ts";

/** How much of pictures and of other files is kept, in bytes: the first ones, and the last ones. */
const FILE_LIMITS = { head: 4 * 1024 * 1024, tail: 8 * 1024 * 1024 };
/** How much of a command's output is kept, in characters. */
const OUTPUT_CHARS = 64 * 1024;

/**
 * What an evidence record is made with.
 *
 * @example
 * ```ts
 * import { EvidenceRecord, type EvidenceRecordOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: EvidenceRecordOptions = { test: "logs in", redact: ["hunter2", /token=\w+/] };
 * await using record = new EvidenceRecord(options);
 * assertEquals(record.test, "logs in");
 * ```
 */
export interface EvidenceRecordOptions {
  /** The test's name. */
  test: string;
  /** Secrets, which are in nothing that is written. (Pictures are as they are: what a screen shows can't be taken out.) */
  redact?: readonly (string | RegExp)[];
  /** The clock, in milliseconds since 1970. Default `Date.now`. */
  now?: () => number;
}

/** A picture, or any other file that goes into the folder. */
export interface KeptFile {
  readonly at: number;
  /** Its name in the folder. */
  readonly name: string;
  readonly caption: string;
  readonly data: Uint8Array;
}

/** An event, and when it was seen. */
export interface SeenEvent {
  readonly at: number;
  readonly event: AnyQmpEvent;
}

/** What was typed, when, and on what. */
export interface Typing {
  readonly at: number;
  readonly text: string;
  readonly by: "console" | "keyboard";
}

/** Anything else that a reader wants to know. */
export interface Note {
  readonly at: number;
  readonly title: string;
  readonly detail: string;
}

/** A command while it runs. */
export interface RunningCommand {
  /** Tells how it ended. */
  ended(
    outcome: CommandEntry["outcome"],
    output?: { readonly stdout?: string; readonly stderr?: string },
  ): void;
}

/**
 * What is noted of a VM while a test runs, so that there is evidence should it fail. It is bounded, and costs a copy of what goes over the
 * wire and of each event: nothing is written and nothing is made of it before {@linkcode collectEvidence} asks.
 *
 * @example
 * ```ts
 * import { EvidenceRecord } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using record = new EvidenceRecord({ test: "serves pages" });
 * record.note("The server is told to start");
 * record.command("httpd").ended({ kind: "exited", code: 1 }, { stderr: "no address\n" });
 * assertEquals(record.commands[0]?.stderr, "no address\n");
 * ```
 */
export class EvidenceRecord implements AsyncDisposable {
  readonly test: string;
  readonly startedAt: number;
  /** What went over the monitors: its `tap` goes into `LaunchOptions.wire`. */
  readonly wire: WireLog;
  readonly events: BoundedLog<SeenEvent> = new BoundedLog<SeenEvent>({ head: 500, tail: 4000 });
  readonly ends: BoundedLog<Verdict> = new BoundedLog<Verdict>({ head: 20, tail: 100 });
  /** What the guest said on its console. */
  readonly said: BoundedLog<SaidPiece> = new BoundedLog<SaidPiece>(
    { head: 256 * 1024, tail: 1024 * 1024 },
    ({ bytes }) => bytes.length + 32,
  );
  readonly typings: BoundedLog<Typing> = new BoundedLog<Typing>({ head: 200, tail: 800 });
  readonly notes: BoundedLog<Note> = new BoundedLog<Note>({ head: 200, tail: 800 });
  readonly pictures: BoundedLog<KeptFile> = new BoundedLog<KeptFile>(FILE_LIMITS, ({ data }) => data.length);
  readonly files: BoundedLog<KeptFile> = new BoundedLog<KeptFile>(FILE_LIMITS, ({ data }) => data.length);
  readonly #secrets: (string | RegExp)[];
  readonly #commands = new BoundedLog<{ entry: CommandEntry }>({ head: 50, tail: 200 });
  readonly #now: () => number;
  readonly #streams: EventStream<unknown>[] = [];
  readonly #pumps: Promise<void>[] = [];
  #verdict: Verdict | null = null;
  #restored: Restored | null = null;
  #failure: { at: number; error: unknown } | null = null;

  /** @param options The test's name, secrets, and the clock. */
  constructor(options: EvidenceRecordOptions) {
    this.test = options.test;
    this.#secrets = [...options.redact ?? []];
    this.#now = options.now ?? Date.now;
    this.startedAt = this.#now();
    this.wire = new WireLog(this.#now);
  }

  /** Secrets, which are in nothing that is written. */
  get redact(): readonly (string | RegExp)[] {
    return this.#secrets;
  }

  /** The verdict on QEMU's own end; null while it runs. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  /** What the guest was restored from; null where it was booted. */
  get restored(): Restored | null {
    return this.#restored;
  }

  /** What the test failed with, and when; null while it has not. */
  get failure(): { readonly at: number; readonly error: unknown } | null {
    return this.#failure;
  }

  /** The commands that were run in the guest. */
  get commands(): readonly CommandEntry[] {
    return this.#commands.entries.map(({ entry }) => entry);
  }

  /** Now, by the record's clock. */
  get now(): number {
    return this.#now();
  }

  /**
   * Listens to a VM from now on: its events, the guest's ends, the console, QEMU's end. Call it as soon as the VM is there.
   *
   * @param vm The VM.
   */
  watch(vm: Pick<Vm, "events" | "ends" | "console" | "stopped">): void {
    this.#pump(vm.events(), (event) => this.events.push({ at: this.#now(), event }));
    this.#pump(vm.ends(), (verdict) => this.ends.push(verdict));
    if (vm.console) {
      const earlier = vm.console.transcript;
      if (earlier !== "") this.said.push({ at: this.#now(), bytes: new TextEncoder().encode(earlier) });
      this.#pump(vm.console.output(), (bytes) => this.said.push({ at: this.#now(), bytes }));
    }
    // It never rejects.
    vm.stopped.then((verdict) => this.#verdict = verdict);
  }

  /**
   * Keeps one more secret, also out of what was noted before.
   *
   * @param secret The secret.
   */
  addSecret(secret: string): void {
    this.#secrets.push(secret);
  }

  /**
   * Notes what was typed.
   *
   * @param text What, as it was typed; keys by their names.
   * @param by Into the console, or on the keyboard.
   */
  typed(text: string, by: "console" | "keyboard" = "console"): void {
    this.typings.push({ at: this.#now(), text, by });
  }

  /**
   * Notes that a command was started in the guest.
   *
   * @param command The command.
   * @returns Where its end is told.
   */
  command(command: string): RunningCommand {
    const at = this.#now();
    const kept: { entry: CommandEntry } = {
      entry: { at, command, tookMs: null, outcome: { kind: "running" }, stdout: "", stderr: "" },
    };
    this.#commands.push(kept);
    return {
      ended: (outcome, { stdout = "", stderr = "" } = {}) => {
        const tookMs = this.#now() - at;
        kept.entry = { at, command, tookMs, outcome, stdout: endOf(stdout), stderr: endOf(stderr) };
      },
    };
  }

  /**
   * Notes anything else that a reader wants to know.
   *
   * @param title In a few words.
   * @param detail The rest.
   */
  note(title: string, detail = ""): void {
    this.notes.push({ at: this.#now(), title, detail });
  }

  /**
   * Keeps a picture for the page.
   *
   * @param name Its file name, such as `expected.png`; one that was used before takes its place beside it, with a number.
   * @param png The picture.
   * @param caption What it shows.
   */
  picture(name: string, png: Uint8Array, caption: string): void {
    this.pictures.push({ at: this.#now(), name, caption, data: png });
  }

  /**
   * Keeps a file for the folder.
   *
   * @param name Its file name.
   * @param data What is in it.
   * @param about What it is, in a few words.
   */
  file(name: string, data: Uint8Array | string, about: string): void {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.files.push({ at: this.#now(), name, caption: about, data: bytes });
  }

  /**
   * Notes that the guest did not boot.
   *
   * @param from What it was restored from.
   */
  restoredFrom(from: Restored): void {
    this.#restored = from;
  }

  /**
   * Notes what the test failed with. The first one counts: what follows comes of it.
   *
   * @param error What was thrown.
   * @param when Whether it is what the test has ended with, which then counts instead: it may have caught the others.
   */
  failed(error: unknown, when: "meanwhile" | "at last" = "meanwhile"): void {
    if (when === "at last" && this.#failure?.error !== error) this.#failure = null;
    this.#failure ??= { at: this.#now(), error };
  }

  /** Stops listening. What was noted stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) stream[Symbol.dispose]();
    await Promise.all(this.#pumps);
  }

  #pump<T>(stream: EventStream<T>, take: (item: T) => void): void {
    const read = async () => {
      try {
        for await (const item of stream) take(item);
      } catch {
        // The connection's own error: whoever uses it is told. What was noted before stays.
      }
      if (stream.lagged > 0) this.note(`${stream.lagged} items were not noted`, "They came too fast");
    };
    this.#streams.push(stream as EventStream<unknown>);
    this.#pumps.push(read());
  }
}

function endOf(text: string): string {
  return text.length <= OUTPUT_CHARS ? text : `... ${text.slice(-OUTPUT_CHARS)}`;
}
