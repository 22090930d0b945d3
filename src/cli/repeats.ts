/** For how long the same line is not said again, in milliseconds. */
const QUIET_MS = 1000;
/** How many different lines are remembered. */
const MAX_LINES = 64;

/**
 * Thins out lines that repeat: a guest that resets a thousand times a second would else bury every other line.
 */
export class Repeats {
  readonly #lines = new Map<string, { saidMs: number; held: number }>();

  /**
   * Shall a line be said?
   *
   * @param line The line.
   * @param nowMs The time in milliseconds.
   * @returns The line, with the number of times that it was held back; or null, to hold it back now.
   */
  admit(line: string, nowMs: number): string | null {
    const known = this.#lines.get(line);
    if (known && nowMs - known.saidMs < QUIET_MS) {
      known.held++;
      return null;
    }
    if (this.#lines.size >= MAX_LINES) this.#lines.delete(this.#lines.keys().next().value ?? "");
    // Said again, it is the newest.
    this.#lines.delete(line);
    this.#lines.set(line, { saidMs: nowMs, held: 0 });
    return known && known.held > 0 ? `${line} (and ${known.held} times before)` : line;
  }

  /**
   * What is held back when nothing more comes.
   *
   * @returns A line for each, with its number; they are then forgotten.
   */
  rest(): string[] {
    const held = [...this.#lines].filter(([, { held }]) => held > 0);
    this.#lines.clear();
    return held.map(([line, { held }]) => `${line} (${held} times more)`);
  }
}
