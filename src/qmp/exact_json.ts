/** How many digits an integer has at least that a double can't hold exactly: 2^53 has 16. */
const LONG_DIGITS = 16;

/** Such an integer, where a value can stand. A match inside a string costs time and changes nothing. */
const LONG_INTEGER = /[:,[\s]-?\d{16}/;

/**
 * Parses JSON without losing digits: an integer beyond `Number.MAX_SAFE_INTEGER` becomes a `bigint`, any other number stays
 * a number.
 *
 * @param text One JSON text.
 * @param suspect Whether `holdsLongDigits` found that it may hold such an integer; if not, this is a plain `JSON.parse`.
 * @returns The value.
 * @throws {SyntaxError} When it is no JSON.
 */
export function parseExact(text: string, suspect: boolean): unknown {
  // A reviver makes the parse five times slower: digits in a string, as in a checksum, should not bring it on.
  return suspect && LONG_INTEGER.test(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text);
}

/**
 * Whether bytes hold 16 decimal digits in a row. Such a run covers one of any 16 neighbouring places, so it is enough to
 * look at each sixteenth byte; a regular expression over the text would take half as long as parsing it.
 *
 * @param bytes A text in ASCII or UTF-8.
 * @returns Whether there is such a run anywhere, strings included.
 */
export function holdsLongDigits(bytes: Uint8Array): boolean {
  const length = bytes.length;
  for (let probe = LONG_DIGITS - 1; probe < length; probe += LONG_DIGITS) {
    if (!isDigit(bytes[probe] as number)) continue;
    let start = probe;
    while (start > 0 && isDigit(bytes[start - 1] as number)) start--;
    let end = probe + 1;
    while (end < length && isDigit(bytes[end] as number)) end++;
    if (end - start >= LONG_DIGITS) return true;
  }
  return false;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** V8 gives a reviver the number's own text; TypeScript's library does not know that yet. */
function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
