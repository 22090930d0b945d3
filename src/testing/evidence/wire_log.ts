import { BoundedLog } from "./bounded_log.ts";
import { type Redactor, redactQmp } from "./redactor.ts";

/** A piece that went over a monitor's connection. */
interface Piece {
  readonly at: number;
  readonly monitor: string;
  readonly direction: "sent" | "received";
  readonly bytes: Uint8Array;
}

/** How much of what went over the wire is kept, in bytes. */
const LIMITS = { head: 128 * 1024, tail: 1024 * 1024 };

/**
 * What went over a VM's monitors, for `LaunchOptions.wire`. Pieces are only copied as they come; messages are made of them when somebody
 * wants to read.
 */
export class WireLog {
  readonly #now: () => number;
  readonly #log = new BoundedLog<Piece>(LIMITS, ({ bytes }) => bytes.length + 64);

  /** @param now The clock, in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes a piece; give it to `launch` as it is. */
  readonly tap = (monitor: string, direction: "sent" | "received", bytes: Uint8Array): void => {
    this.#log.push({ at: this.#now(), monitor, direction, bytes: bytes.slice() });
  };

  /** Whether nothing was told. */
  get isEmpty(): boolean {
    return this.#log.entries.length === 0;
  }

  /**
   * The messages, one a line: time, monitor, direction (`>` to QEMU), and the message as it was.
   *
   * @param redact Takes secrets out.
   * @returns The text.
   */
  text(redact: Redactor): string {
    const { head, dropped, tail } = this.#log.kept;
    const lines = messagesOf(head);
    if (dropped > 0) lines.push({ at: 0, line: `... ${dropped} pieces were left out here ...` });
    lines.push(...messagesOf(tail));
    return lines.map(({ line }) => redact(redactQmp(line)) + "\n").join("");
  }
}

function messagesOf(pieces: readonly Piece[]): { at: number; line: string }[] {
  const lines: { at: number; line: string }[] = [];
  const partial = new Map<string, { decoder: TextDecoder; rest: string; at: number }>();
  for (const { at, monitor, direction, bytes } of pieces) {
    const key = `${monitor} ${direction === "sent" ? ">" : "<"}`;
    const state = partial.get(key) ?? { decoder: new TextDecoder(), rest: "", at };
    partial.set(key, state);
    if (state.rest === "") state.at = at;
    const { whole, rest } = splitMessages(state.rest + state.decoder.decode(bytes, { stream: true }));
    for (const message of whole) {
      lines.push({ at: state.at, line: `${new Date(state.at).toISOString()} ${key} ${message}` });
      state.at = at;
    }
    state.rest = rest;
  }
  for (const [key, { rest, at }] of partial) {
    if (rest !== "") lines.push({ at, line: `${new Date(at).toISOString()} ${key} ${rest} (not whole)` });
  }
  return lines.sort((a, b) => a.at - b.at);
}

/**
 * Parts a text into JSON messages: QEMU's end with a line end, those to QEMU follow one another without one.
 *
 * @param text Messages, the last of which may not be whole.
 * @returns The whole ones, each on one line, and what is left.
 */
export function splitMessages(text: string): { whole: string[]; rest: string } {
  const whole: string[] = [];
  let start = 0;
  let depth = 0;
  let place: "outside" | "string" | "escape" = "outside";
  for (let at = 0; at < text.length; at++) {
    const unit = text[at];
    if (place === "escape") place = "string";
    else if (place === "string") place = unit === "\\" ? "escape" : unit === '"' ? "outside" : "string";
    else if (unit === '"') place = "string";
    else if (unit === "{" || unit === "[") depth++;
    else if ((unit === "}" || unit === "]") && --depth <= 0) {
      depth = 0;
      whole.push(text.slice(start, at + 1).replace(/\s*\n\s*/g, " ").trim());
      start = at + 1;
    }
  }
  return { whole, rest: text.slice(start).trimStart() };
}
