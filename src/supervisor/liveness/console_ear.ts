import type { EventStream } from "../../qmp/mod.ts";
import type { SerialConsole } from "../../vm/mod.ts";
import { TextTail } from "../../vm/text_tail.ts";
import type { TextPattern } from "./probe.ts";
import { endOfLastMatch } from "./text_pattern.ts";

/** How much of what was said since it was last listened to is kept, in characters. */
const KEPT_CHARS = 256 * 1024;
/** How far back a match of a regular expression may begin in what was looked at before, in characters. */
const OVERLAP_CHARS = 4 * 1024;

/** Listens to a console beside all others who do: what it hears is taken from nobody. */
export class ConsoleEar implements AsyncDisposable {
  readonly #heard = new TextTail(KEPT_CHARS);
  readonly #stream: EventStream<Uint8Array>;
  readonly #listening: Promise<void>;
  /** Up to where it was looked for something, or this was found, counted in characters. */
  #lookedAt = 0;

  /**
   * @param console The console.
   * @param from Since when what was said counts: a moment is in milliseconds of the wall clock.
   */
  constructor(console: SerialConsole, from: "the beginning" | "now" | { sinceMs: number }) {
    const before = from === "the beginning"
      ? console.transcript
      : from === "now"
      ? ""
      : console.saidSince(from.sinceMs);
    this.#heard.push(new TextEncoder().encode(before));
    this.#stream = console.output();
    this.#listening = this.#listen();
  }

  /** Whether something was said since it was last found, once or more often. */
  heard(pattern: TextPattern): boolean {
    const text = this.#heard.from(this.#lookedAt);
    const end = endOfLastMatch(text, pattern);
    const { length } = this.#heard;
    if (end >= 0) {
      this.#lookedAt = length - text.length + end;
      return true;
    }
    const overlap = typeof pattern === "string" ? pattern.length - 1 : OVERLAP_CHARS;
    this.#lookedAt = Math.max(this.#lookedAt, length - overlap);
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream[Symbol.dispose]();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    try {
      for await (const bytes of this.#stream) this.#heard.push(bytes);
    } catch {
      // The console broke, which is its owner's business: nothing more is heard.
    }
  }
}
