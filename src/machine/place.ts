import type { NewConfigIssue } from "./config_error.ts";
import { nearestKey } from "./nearest_key.ts";

/** The most of a string that an error quotes. */
const MAX_QUOTED = 60;

/** A place in a config that is being checked, where what is wrong is told. */
export class Place {
  readonly #path: string;
  readonly #issues: NewConfigIssue[];

  /**
   * @param issues Where what is wrong is put.
   * @param path Where this is, as one would write it in TypeScript; empty for the config itself.
   */
  constructor(issues: NewConfigIssue[], path: string = "") {
    this.#issues = issues;
    this.#path = path;
  }

  /**
   * A place in this one.
   *
   * @param key The key, or the place in a list.
   * @returns The place.
   */
  at(key: string | number): Place {
    const path = typeof key === "number"
      ? `${this.#path}[${key}]`
      : this.#path === ""
      ? key
      : `${this.#path}.${key}`;
    return new Place(this.#issues, path);
  }

  /**
   * Tells that something else is here.
   *
   * @param found What is here.
   * @param expected What was expected, in words.
   */
  wrong(found: unknown, expected: string): undefined {
    this.#issues.push({ path: this.#path, expected, found: describe(found, this.#path) });
    return undefined;
  }

  /**
   * Tells that there is no such key as this place's.
   *
   * @param key The key.
   * @param known The keys that there are.
   */
  unknownKey(key: string, known: readonly string[]): void {
    const path = this.#path;
    const near = nearestKey(key, known);
    const expected = near === undefined ? `one of ${known.join(", ")}` : JSON.stringify(near);
    const found = `unknown key ${JSON.stringify(key)}`;
    const advice = near === undefined ? `expected ${expected}` : `did you mean ${expected}?`;
    this.#issues.push({ path, expected, found, message: `${path}: unknown key, ${advice}` });
  }
}

function describe(value: unknown, path: string): string {
  if (value === undefined) return "nothing";
  // An error may end up in a log.
  if (/^secrets\[\d+\]\.value$/.test(path)) return "something else";
  if (typeof value === "string") {
    return value.length <= MAX_QUOTED
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, MAX_QUOTED))}... (${value.length} characters)`;
  }
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}
