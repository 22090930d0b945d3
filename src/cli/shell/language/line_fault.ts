/** A line that can't be understood, and where that shows. */
export class LineFault extends Error {
  override readonly name = "LineFault";
  /** The place in the line, from 0. */
  readonly at: number;

  /**
   * @param at The place in the line, from 0.
   * @param message What was expected and what was found there.
   * @param options The cause.
   */
  constructor(at: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.at = at;
  }
}
