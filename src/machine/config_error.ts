/** One thing that is wrong in a config. */
export interface ConfigIssue {
  /** Where, as one would write it in TypeScript: `drives[0].file`. Empty for the config itself. */
  path: string;
  /** What should be there. */
  expected: string;
  /** What is there. */
  found: string;
  /** All of it in a line. */
  message: string;
}

/** An issue whose line is put together from its parts, unless it is given. */
export type NewConfigIssue = Omit<ConfigIssue, "message"> & { message?: string };

/**
 * A config that QEMU is not started with: unknown keys, wrong types, things that exclude each other. Its message has every
 * issue, its `issues` have them apart.
 *
 * @example
 * ```ts
 * import { ConfigError, parseVmConfig } from "@qeeper/qeeper";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => parseVmConfig({ memory: 64, cpus: 0 }), ConfigError);
 *
 * assertEquals(error.issues.map((issue) => issue.path), ["cpus", "memory"]);
 * ```
 */
export class ConfigError extends Error {
  /** The error's class, for those who can't use `instanceof`. */
  override readonly name = "ConfigError";
  /** What is wrong, in the order of the fields. */
  readonly issues: readonly ConfigIssue[];

  /**
   * An error about a config.
   *
   * @param issues What is wrong, one at least.
   */
  constructor(issues: readonly NewConfigIssue[]) {
    const whole = wholeIssues(issues);
    super(messageOf("Invalid VM config", whole));
    this.issues = whole;
  }
}

/**
 * Issues with their lines.
 *
 * @param issues What is wrong.
 * @returns The same, each with all of it in a line.
 */
export function wholeIssues(issues: readonly NewConfigIssue[]): readonly ConfigIssue[] {
  return issues.map((issue) => ({ ...issue, message: issue.message ?? line(issue) }));
}

/**
 * The message of an error that has issues.
 *
 * @param what What is wrong as a whole.
 * @param issues What is wrong with it, one at least.
 * @returns A line for one, a list for more.
 */
export function messageOf(what: string, issues: readonly ConfigIssue[]): string {
  if (issues.length === 1) return `${what}: ${issues[0]?.message}`;
  return `${what}, ${issues.length} problems\n${issues.map(({ message }) => `- ${message}`).join("\n")}`;
}

function line({ path, expected, found }: NewConfigIssue): string {
  return `${path === "" ? "" : `${path}: `}expected ${expected}, found ${found}`;
}
