/** How a shell tells things apart on a screen. Each member takes text and returns it as it is to be written. */
export interface Palette {
  /** The name of a member. */
  key(text: string): string;
  string(text: string): string;
  /** A number. */
  number(text: string): string;
  /** true, false and null. */
  word(text: string): string;
  error(text: string): string;
  event(text: string): string;
  /** What is said beside the matter. */
  aside(text: string): string;
}

/** As it is. */
export const PLAIN: Palette = {
  key: same,
  string: same,
  number: same,
  word: same,
  error: same,
  event: same,
  aside: same,
};

/** The eight colours that every terminal has. */
export const COLORS: Palette = {
  key: sgr(34),
  string: sgr(32),
  number: sgr(36),
  word: sgr(35),
  error: sgr(31),
  event: sgr(33),
  aside: sgr(2),
};

/**
 * Colours JSON.
 *
 * @param json JSON, indented or not.
 * @param palette The colours.
 * @returns The same text, coloured.
 */
export function colorJson(json: string, palette: Palette): string {
  // A string with a colon behind it is a member's name; outside of strings only numbers, words and punctuation are left.
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  return json.replace(token, (_all, text?: string, colon?: string, number?: string, word?: string) => {
    if (text !== undefined) return colon === undefined ? palette.string(text) : palette.key(text) + colon;
    return number === undefined ? palette.word(word ?? "") : palette.number(number);
  });
}

function sgr(code: number): (text: string) => string {
  // The end of a line also ends the colour, so that nothing else on the screen gets it.
  return (text) =>
    text.split("\n").map((line) => line === "" ? "" : `\x1b[${code}m${line}\x1b[0m`).join("\n");
}

function same(text: string): string {
  return text;
}
