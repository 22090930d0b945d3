import type { ConsoleLine } from "./model.ts";

/** A piece of what the guest said. */
export interface SaidPiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A line that is never ended is shown up to here. */
const MAX_LINE_CHARS = 4096;

const SEQUENCES =
  // deno-lint-ignore no-control-regex -- escape sequences are what is looked for
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;

/**
 * A console's text without what only moves a cursor or changes a colour: escape sequences go, each line end is `\n`, and what a backspace
 * takes back is taken back.
 *
 * @param text What the guest said.
 * @returns The text to read.
 */
export function cleanConsole(text: string): string {
  let clean = text.replace(SEQUENCES, "").replace(/\r+\n/g, "\n").replace(/\r+/g, "\n");
  // One at a time, since each may be of a character that another follows.
  for (let before = ""; before !== clean;) {
    before = clean;
    // deno-lint-ignore no-control-regex -- a backspace is what is looked for
    clean = clean.replace(/[^\n\x08]\x08/g, "");
  }
  // deno-lint-ignore no-control-regex -- a NUL fills time, a bell rings
  return clean.replace(/[\x00\x07\x08]/g, "");
}

/**
 * The console in lines, each with the time at which it began, with what was typed in between.
 *
 * @param pieces What the guest said, in order.
 * @param typed What was typed.
 * @param hide Takes secrets out of all that was said; it sees it whole, since a secret may be cut by pieces, or by a kernel's line.
 * @returns The lines.
 */
export function consoleLines(
  pieces: readonly SaidPiece[],
  typed: readonly { readonly at: number; readonly text: string }[],
  hide: (raw: string) => string = (raw) => raw,
): ConsoleLine[] {
  const decoder = new TextDecoder();
  let raw = "";
  /** When each line began: with its first character, or with its end where it has none. */
  const times: number[] = [];
  for (const { at, bytes } of pieces) {
    const text = decoder.decode(bytes, { stream: true });
    if (text === "") continue;
    if (raw === "" || raw.endsWith("\n")) times.push(at);
    for (let end = text.indexOf("\n"); end >= 0 && end < text.length - 1; end = text.indexOf("\n", end + 1)) {
      times.push(at);
    }
    raw += text;
  }
  const lines = hide(raw).split("\n");
  if (lines.at(-1) === "") lines.pop();
  // A secret of several lines has become one: the last lines are the ones that matter.
  const missing = times.length - lines.length;
  const said = lines.map((text, at) => asLine({ at: times[Math.max(0, at + missing)] ?? 0, text }));
  const marks = typed.map(({ at, text }): ConsoleLine => ({ at, kind: "typed", text }));
  // In a sort that is stable what was said comes before what was typed at the same time.
  return [...said, ...marks].sort((a, b) => a.at - b.at);
}

function asLine({ at, text }: { at: number; text: string }): ConsoleLine {
  const clean = cleanConsole(text.replace(/\r+$/, ""));
  const shown = clean.length > MAX_LINE_CHARS ? `${clean.slice(0, MAX_LINE_CHARS)} ...` : clean;
  return { at, kind: "said", text: shown };
}
