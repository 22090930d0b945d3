import { parseExact } from "./exact_json.ts";

const LF = 0x0a;
const CR = 0x0d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What QEMU (`\r\n`) or its guest agent (`\n`) writes after each message. */
export type LineEnd = "\r\n" | "\n";

/** How far a run of whole messages goes, and what stands between them. */
export interface RunEnd {
  /** The place just after the last message's closing brace. */
  end: number;
  lineEnd: LineEnd;
}

/**
 * Finds how many of the bytes should be whole messages, by their line ends alone: one message a line or, with `pretty=on`,
 * one each time a line begins with a brace. It is a cheap guess; `parseRun` tells whether it was right.
 *
 * @param bytes What was read.
 * @param start The place of a message's opening brace.
 * @returns The end of the last message that can be seen to end; `null` when there is none.
 */
export function findRunEnd(bytes: Uint8Array, start: number): RunEnd | null {
  const next = bytes[start + 1];
  if (next !== CR && next !== LF) return messageEndAt(bytes, start, bytes.lastIndexOf(LF));
  let brace = bytes.lastIndexOf(OPEN_BRACE);
  while (brace > start) {
    const found = messageEndAt(bytes, start, brace - 1);
    if (found) return found;
    brace = bytes.lastIndexOf(OPEN_BRACE, brace - 1);
  }
  return null;
}

/** The end of the message whose line end is at `at`, if that is what stands there. */
function messageEndAt(bytes: Uint8Array, start: number, at: number): RunEnd | null {
  if (at <= start || bytes[at] !== LF) return null;
  const lineEnd = bytes[at - 1] === CR ? "\r\n" : "\n";
  const end = at + 1 - lineEnd.length;
  return bytes[end - 1] === CLOSE_BRACE ? { end, lineEnd } : null;
}

/**
 * Parses a run of messages with one `JSON.parse`, which is faster than one for each message.
 *
 * A closing brace, a line end and an opening brace never stand in the middle of valid JSON: in a string the line end would be
 * escaped, between two values there would be a comma. So each such place becomes a comma, and the run becomes one array.
 * What is not exactly such a run is never accepted: a comma between two objects can only stand in an array, so in a text
 * without arrays of its own each comma made here separates two messages, and any other one makes the count wrong.
 * A text that has arrays is parsed message by message.
 *
 * @param text The run, from a message's opening brace to a message's closing brace.
 * @param lineEnd What stands between the messages.
 * @param suspect Whether it may hold integers beyond 2^53, as `holdsLongDigits` has it.
 * @returns The messages; `null` when the text is anything but such a run.
 */
export function parseRun(text: string, lineEnd: LineEnd, suspect: boolean): unknown[] | null {
  const boundary = `}${lineEnd}{`;
  try {
    if (suspect || text.includes("[")) {
      return text.slice(1, -1).split(boundary).map((inside) => parseExact(`{${inside}}`, suspect));
    }
    // A comma that is one character shorter (CRLF) or longer (LF) than what it replaces: the length then counts them.
    const joined = text.replaceAll(boundary, lineEnd === "\r\n" ? "},{" : "}, {");
    const boundaries = Math.abs(text.length - joined.length);
    const messages: unknown[] = JSON.parse(`[${joined}]`);
    return messages.length === boundaries + 1 ? messages : null;
  } catch {
    // Whatever is wrong, the scanner finds where.
    return null;
  }
}
