/** A place in a schema file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** A schema that can't be read. The message has file, line, what was expected and what was found. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  /** Where it was noticed. */
  readonly place: Place;
  /** What would have been right. */
  readonly expected: string;
  /** What is there instead. */
  readonly found: string;

  constructor(place: Place, expected: string, found: string) {
    super(`${place.file}:${place.line}: expected ${expected}, found ${found}`);
    this.place = place;
    this.expected = expected;
    this.found = found;
  }
}
