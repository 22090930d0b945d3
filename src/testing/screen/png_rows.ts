/**
 * Prepares rows for compression: each begins with the number of its filter. The difference to the row above (2, "Up") suits screens, on
 * which much is the same from row to row.
 *
 * @param bytes The rows, one after the other.
 * @param rowBytes How long each is.
 * @returns The filtered rows.
 */
export function filterRows(bytes: Uint8Array, rowBytes: number): Uint8Array<ArrayBuffer> {
  const rows = bytes.length / rowBytes;
  const filtered = new Uint8Array(rows * (rowBytes + 1));
  for (let row = 0; row < rows; row++) {
    const to = row * (rowBytes + 1);
    const from = row * rowBytes;
    filtered[to] = 2;
    for (let at = 0; at < rowBytes; at++) {
      const above = row === 0 ? 0 : bytes[from - rowBytes + at] ?? 0;
      filtered[to + 1 + at] = (bytes[from + at] ?? 0) - above;
    }
  }
  return filtered;
}

/**
 * Takes filters out of rows again (PNG specification, section 9.2).
 *
 * @param filtered The filtered rows.
 * @param rowBytes How long each is without its filter's number.
 * @param pixelBytes How long a pixel is.
 * @param height How many rows there have to be.
 * @returns The rows.
 * @throws {TypeError} When there are fewer, or one has a filter that does not exist.
 */
export function unfilterRows(
  filtered: Uint8Array,
  rowBytes: number,
  pixelBytes: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  if (filtered.length < height * (rowBytes + 1)) {
    throw new TypeError("Cannot read a PNG: it has fewer pixels than its header says");
  }
  const bytes = new Uint8Array(rowBytes * height);
  for (let row = 0; row < height; row++) {
    const from = row * (rowBytes + 1);
    const to = row * rowBytes;
    const predict = predictorOf(filtered[from] ?? 0);
    for (let at = 0; at < rowBytes; at++) {
      const left = at < pixelBytes ? 0 : bytes[to + at - pixelBytes] ?? 0;
      const above = row === 0 ? 0 : bytes[to + at - rowBytes] ?? 0;
      const aboveLeft = row === 0 || at < pixelBytes ? 0 : bytes[to + at - rowBytes - pixelBytes] ?? 0;
      bytes[to + at] = (filtered[from + 1 + at] ?? 0) + predict(left, above, aboveLeft);
    }
  }
  return bytes;
}

type Predictor = (left: number, above: number, aboveLeft: number) => number;

function predictorOf(filter: number): Predictor {
  switch (filter) {
    case 0:
      return () => 0;
    case 1:
      return (left) => left;
    case 2:
      return (_left, above) => above;
    case 3:
      return (left, above) => (left + above) >> 1;
    case 4:
      return paeth;
    default:
      throw new TypeError(`Cannot read a PNG: there is no filter ${filter}`);
  }
}

/** Whichever of the three is closest to what a plane through them would have here. */
function paeth(left: number, above: number, aboveLeft: number): number {
  const guess = left + above - aboveLeft;
  const toLeft = Math.abs(guess - left);
  const toAbove = Math.abs(guess - above);
  const toAboveLeft = Math.abs(guess - aboveLeft);
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
  return toAbove <= toAboveLeft ? above : aboveLeft;
}
