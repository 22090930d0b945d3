import { assert, assertEquals } from "@std/assert";
import {
  type EventStream,
  type Report,
  type SupervisedVm,
  Supervisor,
  type SupervisorOptions,
  type Verdict,
  type Vm,
} from "../../mod.ts";
import { demoDisk, diskImage, rom, type TinyGuest, uni } from "../../src/testing/mod.ts";

/** The longest that any of these waits may take. */
const LIMIT_MS = 30_000;

/** What each report comes down to, for tables: `asked stop -> stop`. */
export function inShort(report: Report): string {
  const actions = "actions" in report && report.actions.length > 0
    ? ` -> ${report.actions.map(actionInShort).join(", ")}`
    : "";
  switch (report.kind) {
    case "asked":
      return `asked ${report.ask}${actions}`;
    case "event":
      return `event ${report.event.event}`;
    case "guest-ended":
    case "ended":
      return `${report.kind} ${report.verdict.cause}${actions}`;
    case "action-failed":
      return `action-failed ${report.action.kind}${actions}`;
    case "adopted":
      return `adopted ${report.guest}${actions}`;
    case "not-adopted":
      return `not-adopted ${report.found}${actions}`;
    case "liveness":
    case "stuck":
      return `${report.kind} ${report.liveness.kind}${actions}`;
    default:
      return `${report.kind}${actions}`;
  }
}

function actionInShort(action: Extract<Report, { kind: "asked" }>["actions"][number]): string {
  if (action.kind === "wait") return `wait ${action.delayMs}`;
  return action.kind === "give-up" ? `give up (${action.why})` : action.kind;
}

/** Everything that a supervisor reported, and waits for what it has yet to report. */
export class ReportLog {
  readonly all: Report[] = [];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  #next = 0;
  #arrival: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #open = true;

  constructor(stream: EventStream<Report>) {
    this.ended = this.#read(stream);
  }

  /** All but the events, of one guest, in short. */
  of(vm: string): string[] {
    return this.all.filter((report) => report.vm === vm && report.kind !== "event").map(inShort);
  }

  /** Waits for the next report that begins like this, after the one that was found before. */
  async until(vm: string, beginning: string): Promise<Report> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<"limit">((resolve) => timer = setTimeout(() => resolve("limit"), LIMIT_MS));
    try {
      for (;;) {
        for (let report = this.all[this.#next++]; report; report = this.all[this.#next++]) {
          if (report.vm === vm && inShort(report).startsWith(beginning)) return report;
        }
        this.#next--;
        const woken = this.#open ? await Promise.race([this.#arrival.promise, limit]) : "end";
        if (woken !== undefined) {
          const said = this.all.map((report) => `\n  ${report.vm}: ${inShort(report)}`).join("");
          throw new Error(
            `There is no report of ${vm} that begins with "${beginning}" (${woken}); there are:${said}`,
          );
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(stream: EventStream<Report>): Promise<void> {
    for await (const report of stream) {
      this.all.push(report);
      this.#arrive();
    }
    this.#open = false;
    this.#arrive();
  }

  #arrive(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers<void>();
  }
}

/** A supervisor with what is needed to watch it. */
export interface Supervised extends AsyncDisposable {
  supervisor: Supervisor;
  reports: ReportLog;
}

/** A folder for guests and their run directories. When it is disposed of, nothing of them may be left. */
export class Yard implements AsyncDisposable {
  readonly folder: string;
  /** Where run directories are made. */
  readonly runtimeDir: string;

  /** @param folder An empty directory; it is removed at the end. */
  constructor(folder: string) {
    this.folder = folder;
    this.runtimeDir = `${folder}/run`;
  }

  static async make(): Promise<Yard> {
    return new Yard(await Deno.makeTempDir({ prefix: "qeeper-yard-" }));
  }

  async open(options: SupervisorOptions = {}): Promise<Supervised> {
    const supervisor = await Supervisor.open({ runtimeDir: this.runtimeDir, ...options });
    const reports = new ReportLog(supervisor.reports());
    return {
      supervisor,
      reports,
      async [Symbol.asyncDispose]() {
        await supervisor[Symbol.asyncDispose]();
        await reports.ended;
      },
    };
  }

  /** A guest that starts as firmware, without a BIOS. */
  async firmware(name: string, guest: TinyGuest, spec: Partial<SupervisedVm> = {}): Promise<SupervisedVm> {
    const bios = `${this.folder}/${guest.name}.rom`;
    await Deno.writeFile(bios, rom(guest.code));
    return tiny(name, spec, { firmware: { bios } });
  }

  /** A guest that SeaBIOS boots from a disk, and obeys commands. */
  async disk(name: string, spec: Partial<SupervisedVm> = {}): Promise<SupervisedVm> {
    const file = await this.image(name, diskImage(uni.code));
    return tiny(name, spec, { drives: [{ file, interface: "ide" }] });
  }

  /** The demo's guest: its odd lives panic, its even ones power off. */
  async moody(name: string, spec: Partial<SupervisedVm> = {}): Promise<SupervisedVm> {
    const file = await this.image(name, demoDisk());
    return tiny(name, spec, { drives: [{ file, interface: "ide" }] });
  }

  async image(name: string, bytes: Uint8Array): Promise<string> {
    const file = `${this.folder}/${name}.img`;
    await Deno.writeFile(file, bytes);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [qemus, left] = [await processesNaming(this.folder), await namesIn(this.runtimeDir)];
    await Deno.remove(this.folder, { recursive: true });
    assertEquals({ qemus, left }, { qemus: [], left: [] });
  }
}

/** None of these obeys its power button unless it is told to, so that a stop need not wait for that. */
function tiny(
  name: string,
  spec: Partial<SupervisedVm>,
  config: SupervisedVm["config"],
): SupervisedVm {
  return {
    stop: { powerdownMs: 0 },
    ...spec,
    config: { name, accel: "tcg", memoryMiB: 16, ...config, ...spec.config },
  };
}

/** Waits until a guest that obeys commands is ready for one, and gives it. */
export async function tell(vm: Vm | null | undefined, command: string): Promise<void> {
  await vm?.console?.expect("READY");
  await vm?.console?.write(command);
}

/** The processes that have this text in their command lines. */
export async function processesNaming(text: string): Promise<string[]> {
  const found = [];
  for (const pid of await namesIn("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === Deno.pid) continue;
    try {
      // A zombie has no command line any more.
      const line = await Deno.readTextFile(`/proc/${pid}/cmdline`);
      if (line.includes(text)) found.push(`${pid} ${line.replaceAll("\0", " ")}`);
    } catch {
      // It has ended since.
    }
  }
  return found;
}

/** The names in a directory; none where it is not there. */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A test with a supervisor, after which nothing of its guests may be left. */
export function supervised(name: string, body: (yard: Yard, supervised: Supervised) => Promise<void>): void {
  Deno.test(name, async () => {
    await using yard = await Yard.make();
    await using supervised = await yard.open();
    await body(yard, supervised);
  });
}

export function verdictOf(report: Report): Verdict {
  assert("verdict" in report, `${report.kind} has no verdict`);
  return report.verdict;
}

/** Kills a QEMU as somebody else would. */
export function kill(pid: number | null | undefined): void {
  assert(typeof pid === "number");
  Deno.kill(pid, "SIGKILL");
}
