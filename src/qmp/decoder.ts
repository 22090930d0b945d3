import { QmpProtocolError } from "./errors.ts";
import { holdsLongDigits, parseExact } from "./exact_json.ts";
import { findRunEnd, parseRun } from "./message_run.ts";

/** The largest message that is accepted, unless the decoder is told otherwise. */
export const DEFAULT_MAX_MESSAGE_BYTES: number = 64 * 1024 * 1024;

/** A buffer larger than this is let go after its message; one huge reply should not be paid for ever after. */
const KEPT_CAPACITY_BYTES = 1024 * 1024;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** This bit set makes `[` a `{` and `]` a `}`, and nothing else either of them. */
const BRACKET_TO_BRACE = 0x20;

/** What a decoder is made with. */
export interface DecoderOptions {
  /** The largest message that is accepted, in bytes. Default 64 MiB. */
  maxMessageBytes?: number | undefined;
}

/**
 * Bytes in, messages out: finds the JSON objects in what a monitor sends, however it is cut into chunks, compact or `pretty=on`, with
 * any line ends between the messages or none. A message is handed over with its last byte. The work grows with the number of bytes,
 * not with the number of chunks.
 *
 * Two ways lead to the same values. A scanner looks at each byte, is always right, and goes on where a chunk ended. Where a
 * message begins within a chunk, the run of whole messages from there on is parsed at once by `parseRun`, which takes what QEMU writes
 * at a third of the cost and refuses anything else; then the scanner does it all.
 *
 * Once a message can't be decoded, nothing after it can be trusted: `push` returns what came before it, `failure` says
 * what is wrong, and every later `push` or `end` throws it.
 *
 * @example
 * ```ts
 * import { QmpDecoder } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new QmpDecoder();
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * assertEquals(decoder.push(bytes('{"return": {}, "id"')), []);
 * assertEquals(decoder.push(bytes(': 1}\r\n{"event": "STOP"}')), [{ return: {}, id: 1 }, { event: "STOP" }]);
 * decoder.end();
 * ```
 */
export class QmpDecoder {
  readonly #maxMessageBytes: number;
  readonly #lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  /** The message under way, as far as earlier chunks had it: `#keptLength` bytes of `#kept`. */
  #kept = new Uint8Array(0);
  #keptLength = 0;
  /** Where the scanner is: so many braces and brackets deep, and whether in a string or just after a backslash in one. */
  #depth = 0;
  #place: "outside" | "string" | "escape" = "outside";
  /** Runs are tried until one was refused that turned out to be valid: this peer writes in another way. */
  #tryRuns = true;
  #failure: QmpProtocolError | null = null;

  /**
   * @param options The limit.
   * @throws {RangeError} When the limit is no positive integer.
   */
  constructor(options: DecoderOptions = {}) {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = options;
    if (!Number.isInteger(maxMessageBytes) || maxMessageBytes < 1) {
      throw new RangeError(
        `Cannot make a decoder as 'maxMessageBytes' must be a positive integer: current value is ${maxMessageBytes}`,
      );
    }
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Why nothing more can be decoded; `null` while all is well. Look at it after each `push`. */
  get failure(): QmpProtocolError | null {
    return this.#failure;
  }

  /**
   * Takes the next bytes. What is needed of them later is copied, so the caller may use its buffer again.
   *
   * @param chunk Any number of bytes, cut anywhere.
   * @returns The messages that are whole now, in order. When the chunk has something wrong in it these are the ones before that
   * place, and `failure` is set.
   * @throws {QmpProtocolError} When an earlier push set `failure`.
   */
  push(chunk: Uint8Array): unknown[] {
    if (this.#failure) throw this.#failure;
    let messages: unknown[] = [];
    try {
      let at = this.#skipSpace(chunk, this.#depth > 0 ? this.#scanMessage(chunk, 0, messages) : 0);
      const run = this.#takeRun(chunk, at);
      if (run) {
        at = this.#skipSpace(chunk, run.end);
        if (messages.length === 0) messages = run.messages;
        else for (const message of run.messages) messages.push(message);
      }
      while (at < chunk.length) at = this.#skipSpace(chunk, this.#scanMessage(chunk, at, messages));
    } catch (error) {
      if (!(error instanceof QmpProtocolError)) throw error;
      this.#fail(error);
    }
    return messages;
  }

  /**
   * Says that the stream has ended.
   *
   * @throws {QmpProtocolError} When it ended within a message, or when `failure` is set.
   */
  end(): void {
    if (!this.#failure && this.#depth > 0) {
      this.#fail(
        new QmpProtocolError("The stream ended within a message", this.#kept.subarray(0, this.#keptLength)),
      );
    }
    if (this.#failure) throw this.#failure;
  }

  #fail(failure: QmpProtocolError): void {
    this.#failure = failure;
    this.#kept = new Uint8Array(0);
  }

  /** Where the next message begins, or the end of the chunk. */
  #skipSpace(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && isSpace(chunk[at] as number)) at++;
    return at;
  }

  /** The fast way: as many whole messages as can be seen from `start` on, where one begins. */
  #takeRun(chunk: Uint8Array, start: number): { messages: unknown[]; end: number } | null {
    if (!this.#tryRuns || chunk[start] !== OPEN_BRACE || chunk.length > this.#maxMessageBytes) return null;
    const found = findRunEnd(chunk, start);
    if (!found) return null;
    const bytes = chunk.subarray(start, found.end);
    const text = this.#decodeUtf8(bytes);
    const messages = text === null ? null : parseRun(text, found.lineEnd, holdsLongDigits(bytes));
    this.#tryRuns = messages !== null;
    return messages && { messages, end: found.end };
  }

  /** The sure way: one message that begins at `start` or before this chunk. Answers with the place after it. */
  #scanMessage(chunk: Uint8Array, start: number, messages: unknown[]): number {
    if (this.#depth === 0 && chunk[start] !== OPEN_BRACE) {
      throw new QmpProtocolError("A message must be a JSON object", chunk.subarray(start));
    }
    const end = this.#scan(chunk, start);
    const part = start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
    this.#checkSize(part);
    if (this.#depth > 0) this.#keep(part);
    else messages.push(this.#finish(part));
    return end;
  }

  /** Goes on to the end of the message, or of the chunk; `#depth` is 0 when the message has ended. */
  #scan(chunk: Uint8Array, start: number): number {
    let depth = this.#depth;
    let place = this.#place;
    let at = start;
    while (at < chunk.length) {
      const byte = chunk[at++] as number;
      if (place === "string") {
        if (byte === QUOTE) place = "outside";
        else if (byte === BACKSLASH) place = "escape";
      } else if (place === "escape") {
        place = "string";
      } else if (byte === QUOTE) {
        place = "string";
      } else if ((byte | BRACKET_TO_BRACE) === OPEN_BRACE) {
        depth++;
      } else if ((byte | BRACKET_TO_BRACE) === CLOSE_BRACE) {
        depth--;
        if (depth === 0) break;
      }
    }
    this.#depth = depth;
    this.#place = place;
    return at;
  }

  #checkSize(part: Uint8Array): void {
    if (this.#keptLength + part.length <= this.#maxMessageBytes) return;
    throw new QmpProtocolError(
      `A message is larger than ${this.#maxMessageBytes} bytes, the limit of this connection ('maxMessageBytes')`,
      this.#keptLength > 0 ? this.#kept.subarray(0, this.#keptLength) : part,
    );
  }

  #keep(part: Uint8Array): void {
    const length = this.#keptLength + part.length;
    if (length > this.#kept.length) {
      // Doubling keeps the copying linear, however small the chunks are.
      const larger = new Uint8Array(Math.max(length, 2 * this.#kept.length, 4096));
      larger.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = larger;
    }
    this.#kept.set(part, this.#keptLength);
    this.#keptLength = length;
  }

  /** Parses the message whose last bytes these are. */
  #finish(part: Uint8Array): unknown {
    if (this.#keptLength === 0) return this.#parse(part);
    this.#keep(part);
    const bytes = this.#kept.subarray(0, this.#keptLength);
    this.#keptLength = 0;
    if (this.#kept.length > KEPT_CAPACITY_BYTES) this.#kept = new Uint8Array(0);
    return this.#parse(bytes);
  }

  #parse(bytes: Uint8Array): unknown {
    const text = this.#decodeUtf8(bytes);
    if (text === null) throw new QmpProtocolError("A message is not valid UTF-8", bytes);
    try {
      return parseExact(text, holdsLongDigits(bytes));
    } catch (cause) {
      // A reviver is called recursively, so a very deep message may overflow the stack.
      const reason = cause instanceof SyntaxError
        ? "A message is not valid JSON"
        : "A message could not be parsed";
      throw new QmpProtocolError(reason, bytes, { cause });
    }
  }

  /** The text; `null` when it is not valid UTF-8. */
  #decodeUtf8(bytes: Uint8Array): string | null {
    // The lenient decoder is five times faster, and marks what is wrong. QEMU writes ASCII, where the search costs nothing.
    const text = this.#lenient.decode(bytes);
    if (!text.includes("\uFFFD")) return text;
    try {
      return this.#strict.decode(bytes);
    } catch {
      return null;
    }
  }
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB;
}
