import { delay } from "@std/async/delay";
import type { Logger } from "../../qmp/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { GuestEndedError, RunInterruptedError } from "./errors.ts";
import type { EndFrame, Frame } from "./frame_reader.ts";
import { LinkEndedError, type PortLink } from "./port_link.ts";
import { lineQuote } from "./quote.ts";
import type { CommandEnd, GuestCommand } from "./run_types.ts";

/** What the guest has at the other end. A serial port has no flow control behind the guest's buffer; a virtio port has. */
export type PortDevice = "virtio" | "serial";

/** How long the guest may be silent before it is asked whether it is there: at first, and at most. */
const FIRST_SILENCE_MS = 1_000;
const LAST_SILENCE_MS = 8_000;
/** The same while a command runs, which may have nothing to say. */
const LONG_SILENCE_MS = 2_000;
/** In a frame, silence for so long means that a piece of it was lost. */
const LOST_MS = 2_000;
const MAX_FETCHES = 6;
const FIRST_AGAIN_MS = 20;
/** Between two questions for output, at first and at most. */
const FIRST_POLL_MS = 15;
const LAST_POLL_MS = 100;
/** Between two attempts to kill, and how long the guest may be silent until it is left to itself. */
const KILL_AGAIN_MS = 250;
const KILL_SILENCE_MS = 2_000;
/** How long a serial port may take to answer before it is asked again. */
const SETTLE_MS = 40;
const QUESTIONS_A_TURN = 1_000_000;
const CHUNK_BYTES = { virtio: 256 * 1024, serial: 8 * 1024 } as const;

/** What a turn needs. */
export interface TurnParts {
  readonly link: PortLink;
  readonly session: string;
  readonly number: number;
  readonly device: PortDevice;
  readonly logger: Logger;
}

/** One command's turn on a link. */
export class PortTurn {
  /** Whether the guest may have begun it. */
  begun = false;
  readonly #link: PortLink;
  readonly #session: string;
  readonly #id: string;
  readonly #device: PortDevice;
  readonly #logger: Logger;
  #text = "";
  /** The numbers of the first question whether the guest is still there, which no other turn asks, and of the next one. */
  readonly #firstQuestion: number;
  #nextQuestion: number;
  /** The first one that came after the last request: only answers from there on tell whether that has arrived. */
  #tellingQuestion = 0;
  #answers = 0;

  constructor({ link, session, number, device, logger }: TurnParts) {
    this.#link = link;
    this.#session = session;
    this.#id = `${session}-${number}`;
    this.#firstQuestion = number * QUESTIONS_A_TURN;
    this.#nextQuestion = this.#firstQuestion;
    this.#device = device;
    this.#logger = logger;
  }

  /** `not-begun`: the guest's shell was started anew before, so the command has to be sent again. */
  async run(command: GuestCommand, limit: AbortSignal): Promise<CommandEnd | "not-begun"> {
    this.#text = command.text;
    limit.throwIfAborted();
    if (this.#device === "serial" && !await this.#settle(limit)) return "not-begun";
    if (!await this.#store(command.input, limit)) return "not-begun";
    const live = command.onOutput !== null;
    let end: EndFrame;
    try {
      this.begun = true;
      await this.#request(`R ${this.#id} ${live ? 1 : 0} ${lineQuote(command.script)}`, limit);
      if (!await this.#begin(limit)) {
        this.begun = false;
        return "not-begun";
      }
      end = live ? await this.#follow(command, limit) : await this.#end(limit);
    } catch (error) {
      if (error instanceof LinkEndedError || error instanceof RunInterruptedError) throw error;
      // There is nobody left to be asked. (On 7.2 a virtio port that is written to while its guest is reset is now and then dead from then on.)
      if (limit.reason instanceof GuestEndedError) return this.#unknown();
      // The limit's reason, or what the caller's `onOutput` threw.
      const killed = await this.#kill(live);
      if (!limit.aborted) throw error;
      return killed;
    }
    return { ...end, kind: "ended" };
  }

  async #request(request: string, signal: AbortSignal): Promise<void> {
    this.#tellingQuestion = this.#nextQuestion;
    await this.#link.write(`\nQ ${this.#session} ${request} #${this.#session}\n`, signal);
  }

  /** Waits until the last command's waiter is gone, which may make the guest forget half a line; false when the guest's shell was started anew. */
  async #settle(limit: AbortSignal): Promise<boolean> {
    for (let silentMs = SETTLE_MS;; silentMs = Math.min(2 * silentMs, LAST_SILENCE_MS)) {
      const asked = this.#nextQuestion++;
      await this.#link.write(question(this.#session, asked), limit);
      for (;;) {
        const frame = await this.#link.next(silentMs, limit);
        if (frame === null) break;
        if (frame.kind !== "shell" && frame.kind !== "ready" || frame.session !== this.#session) continue;
        if (frame.question < this.#firstQuestion || frame.question > asked) continue;
        this.#answers++;
        if (frame.kind === "shell") return false;
        if (frame.question === asked) return true;
      }
    }
  }

  /** Sends what the command is to read; false when it did not arrive whole, or the guest's shell was started anew. */
  async #store(input: Uint8Array, limit: AbortSignal): Promise<boolean> {
    const size = CHUNK_BYTES[this.#device];
    for (let at = 0; at < input.length; at += size) {
      const part = input.subarray(at, at + size);
      const last = at + size >= input.length;
      await this.#request(`W ${this.#id} ${part.length} ${last ? 1 : 0}`, limit);
      await this.#link.write(part, limit);
      const frame = await this.#wait((each) => each.kind === "stored" && each.id === this.#id, limit);
      if (frame === "gone") return false;
      if (frame.kind !== "stored") continue;
      // It is sent again, under another name.
      if (frame.sha1 !== null && frame.sha1 !== await sha1(input)) return false;
      if (frame.status !== 0) {
        throw new RunInterruptedError(
          this.#text,
          "the guest could not store its input, most likely as its disk is full",
        );
      }
    }
    return true;
  }

  /** Waits until the guest says that the command has begun; false when it never will. */
  async #begin(limit: AbortSignal): Promise<boolean> {
    const frame = await this.#wait((each) => each.kind === "begun" && each.id === this.#id, limit);
    return frame !== "gone";
  }

  /** A frame that is wanted; `gone` when the guest's shell was started anew, or does not know this session or request. */
  async #wait(
    wanted: (frame: Frame) => boolean,
    limit: AbortSignal,
    again?: () => Promise<void>,
  ): Promise<Frame | "gone"> {
    for (let silentMs = FIRST_SILENCE_MS;; silentMs = Math.min(2 * silentMs, LAST_SILENCE_MS)) {
      const frame = await this.#next(silentMs, limit);
      if (frame === "gone") return "gone";
      if (frame === null) continue;
      if (wanted(frame)) return frame;
      // The guest is there, and has missed what it was asked.
      if (frame.kind === "begun") await again?.();
    }
  }

  /** The next frame of this command's; null after a silence, in which the guest was asked whether it is still there. */
  async #next(silentMs: number, limit: AbortSignal): Promise<Frame | "gone" | null> {
    const frame = await this.#link.next(silentMs, limit);
    if (frame === null) {
      // The guest's loop would answer in the middle of the frame.
      if (!this.#link.inFrame) await this.#link.write(question(this.#session, this.#nextQuestion++), limit);
    } else if (frame.kind === "shell" || frame.kind === "ready") {
      // An answer to what was asked before the request was sent says nothing of it.
      const mine = frame.question >= this.#firstQuestion && frame.question < this.#nextQuestion;
      if (frame.session !== this.#session || !mine) return frame;
      this.#answers++;
      if (frame.question < this.#tellingQuestion) return frame;
      // The request was sent before the question, so who does not know it by then never will.
      if (frame.kind === "shell" || frame.last !== this.#id) return "gone";
      return { kind: "begun", id: this.#id };
    }
    return frame;
  }

  /** Waits for the end. */
  async #end(limit: AbortSignal): Promise<EndFrame> {
    for (let fetches = 0;;) {
      const inFrame = this.#link.inFrame;
      const frame = await this.#next(inFrame ? LOST_MS : LONG_SILENCE_MS, limit);
      if (frame === "gone") throw new RunInterruptedError(this.#text, "the guest's shell was started anew");
      if (frame?.kind === "ended" && frame.id === this.#id) {
        if (!this.#mayHoldAnswer(frame) && await isWhole(frame)) return frame;
      } else if (this.#device === "virtio") {
        continue;
      } else if (frame?.kind === "begun") {
        // The guest is there. Should the command have ended, then the beginning of what it told was lost.
        await this.#request(`G ${this.#id}`, limit);
        continue;
      } else if (frame !== null || !this.#link.inFrame) {
        continue;
      }
      if (++fetches >= MAX_FETCHES) {
        throw new RunInterruptedError(
          this.#text,
          "its output came damaged, several times: something else writes to its port",
        );
      }
      this.#logger.debug("A command's output came damaged; asking again", { id: this.#id });
      // What spoke in between may have more to say.
      await delay(FIRST_AGAIN_MS * 3 ** (fetches - 1), { signal: limit });
      this.#link.reset();
      await this.#request(`G ${this.#id}`, limit);
    }
  }

  /**
   * Whether the answer to a question, which the guest's loop gave just as the command ended, is in the middle of its output: then they were
   * written at the same time.
   */
  #mayHoldAnswer({ stdout, stderr }: EndFrame): boolean {
    if (this.#answers === this.#nextQuestion - this.#firstQuestion) return false;
    const answer = `\nQR ${this.#session} `;
    return [stdout, stderr].some((bytes) => new TextDecoder("latin1").decode(bytes).includes(answer));
  }

  /** Asks for the output until the command has ended. */
  async #follow(command: GuestCommand, limit: AbortSignal): Promise<EndFrame> {
    const told = { stdout: 0, stderr: 0 };
    const tell = (stream: "stdout" | "stderr", bytes: Uint8Array<ArrayBuffer>) => {
      if (bytes.length === 0) return;
      told[stream] += bytes.length;
      command.onOutput?.(stream, bytes);
    };
    for (let ms = FIRST_POLL_MS;; ms = Math.min(1.5 * ms, LAST_POLL_MS)) {
      const poll = () => this.#request(`P ${this.#id} ${told.stdout} ${told.stderr}`, limit);
      await poll();
      const isAnswer = (each: Frame) => {
        return each.kind === "polled" && each.id === this.#id && each.from[0] === told.stdout &&
          each.from[1] === told.stderr;
      };
      const frame = await this.#wait(isAnswer, limit, poll);
      if (frame === "gone") throw new RunInterruptedError(this.#text, "the guest's shell was started anew");
      if (frame.kind !== "polled") continue;
      tell("stdout", frame.stdout);
      tell("stderr", frame.stderr);
      if (frame.state === "ended") break;
      if (frame.stdout.length + frame.stderr.length === 0) await delay(ms, { signal: limit });
    }
    await this.#request(`G ${this.#id}`, limit);
    const end = await this.#end(limit);
    tell("stdout", end.stdout.slice(told.stdout));
    tell("stderr", end.stderr.slice(told.stderr));
    return end;
  }

  /** Kills the command, and waits for what it had written. */
  async #kill(live: boolean): Promise<CommandEnd & { kind: "killed" }> {
    const free = new AbortController().signal;
    try {
      let silentSince = performance.now();
      while (performance.now() - silentSince < KILL_SILENCE_MS) {
        // Again and again: it may have come before the command has told its process id.
        if (!this.#link.inFrame) {
          const told = this.#request(live ? `K ${this.#id}; P ${this.#id} 0 0` : `K ${this.#id}`, free);
          if (!await inTime(told, KILL_SILENCE_MS)) break;
        }
        const frame = await this.#link.next(KILL_AGAIN_MS, free);
        if (frame !== null || this.#link.inFrame) silentSince = performance.now();
        if (frame?.kind === "polled" && frame.state === "ended") await this.#request(`G ${this.#id}`, free);
        if (frame?.kind === "ended" && frame.id === this.#id) {
          return { kind: "killed", known: "dead", stdout: frame.stdout, stderr: frame.stderr };
        }
      }
    } catch (error) {
      if (!(error instanceof LinkEndedError)) throw error;
    }
    return this.#unknown();
  }

  /** Nobody can tell what became of it. */
  #unknown(): CommandEnd & { kind: "killed" } {
    const none = { stdout: new Uint8Array(), stderr: new Uint8Array() };
    return { kind: "killed", known: "unknown", ...(this.#link.partial ?? none) };
  }
}

/**
 * Asks whoever reads the port.
 *
 * @param session The session's name.
 * @param number The question's.
 * @returns What to write.
 */
export function question(session: string, number: number): string {
  return `\necho Q\\S ${session}:${number}\n`;
}

/** Whether the guest has sent what it had; where it gives no sum nothing can have been lost. */
async function isWhole({ stdout, stderr, sha1: told }: EndFrame): Promise<boolean> {
  if (told === null) return true;
  const whole = new Uint8Array(stdout.length + stderr.length);
  whole.set(stdout);
  whole.set(stderr, stdout.length);
  return await sha1(whole) === told;
}

async function sha1(bytes: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes.slice())).toHex();
}
