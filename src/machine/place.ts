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
   * @param words The words that there are, one of which may have been meant.
   */
  wrong(found: unknown, expected: string, words: readonly string[] = []): undefined {
    const near = typeof found === "string" ? nearestKey(found, words) : undefined;
    const said = describe(found, this.#path);
    const says = near === undefined
      ? {}
      : { says: `expected ${expected}, found ${said}, did you mean ${JSON.stringify(near)}?` };
    this.tell({ expected, found: said, ...says });
    return undefined;
  }

  /**
   * Tells of every key that there is none of.
   *
   * @param value The object that is here. Keys whose value is undefined count as absent.
   * @param known The keys that there are.
   */
  refuseOthers(value: Readonly<Record<string, unknown>>, known: readonly string[]): void {
    for (const key of Object.keys(value)) {
      if (known.includes(key) || value[key] === undefined) continue;
      const near = nearestKey(key, known);
      const expected = near === undefined ? `one of ${known.join(", ")}` : JSON.stringify(near);
      const found = `unknown key ${JSON.stringify(key)}`;
      const advice = near === undefined ? `expected ${expected}` : `did you mean ${expected}?`;
      this.at(key).tell({ expected, found, says: `unknown key, ${advice}` });
    }
  }

  /**
   * Tells what is wrong here in words of its own.
   *
   * @param issue What was expected, what is here, and all of it in a sentence where that is no other than these two.
   */
  tell({ expected, found, says }: { expected: string; found: string; says?: string }): void {
    const message = says === undefined
      ? {}
      : { message: this.#path === "" ? says : `${this.#path}: ${says}` };
    this.#issues.push({ path: this.#path, expected, found, ...message });
  }

  /**
   * Tells what another check has found.
   *
   * @param issues Its findings, each with its whole path.
   */
  takeOver(issues: readonly NewConfigIssue[]): void {
    this.#issues.push(...issues);
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
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "function" ? "a function" : String(value);
}
