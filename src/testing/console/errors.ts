import type { FailureName } from "./failures.ts";

/** How much of what was heard a message shows, in characters. */
const SHOWN_CHARS = 400;

/**
 * A failure that a guest told of on its console.
 *
 * @example
 * ```ts
 * import type { ConsoleFailure } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const failure: ConsoleFailure = {
 *   name: "kernel-panic",
 *   title: "The guest panicked",
 *   line: "Kernel panic - not syncing: sysrq triggered crash",
 *   text: "[    1.631265] Kernel panic - not syncing: sysrq triggered crash",
 *   at: new Date(),
 * };
 * assertEquals(failure.name, "kernel-panic");
 * ```
 */
export interface ConsoleFailure {
  /** What kind of failure it is. */
  readonly name: FailureName;
  /** What has happened, as the beginning of a sentence: `The guest panicked`. */
  readonly title: string;
  /** The line that says it, without the kernel's time. */
  readonly line: string;
  /** Everything that the guest said about it: the whole oops, with the kernel's times. */
  readonly text: string;
  /** When it was said. */
  readonly at: Date;
}

/**
 * Why a wait for the console failed: the guest told of a known failure, or said what the wait was told to fail on.
 *
 * @example
 * ```ts
 * import type { ConsoleFailureReason } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const words = (reason: ConsoleFailureReason) => reason.kind === "fail-on" ? reason.text : reason.failure.line;
 * assertEquals(words({ kind: "fail-on", pattern: /\d/, text: "4", heard: "error 4" }), "4");
 * ```
 */
export type ConsoleFailureReason =
  | { readonly kind: "failure"; readonly failure: ConsoleFailure }
  | {
    readonly kind: "fail-on";
    /** The pattern of `failOn`. */
    readonly pattern: string | RegExp;
    /** What matched it. */
    readonly text: string;
    /** What the guest said around it. */
    readonly heard: string;
  };

/**
 * The guest failed while something else was waited for on its console. The message has what the guest said about it.
 *
 * @example
 * ```ts
 * import { ConsoleFailureError } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const reason = { kind: "fail-on", pattern: "incorrect", text: "incorrect", heard: "Login incorrect" } as const;
 * const error = new ConsoleFailureError('wait for "$ "', reason);
 * assertEquals(error.message, 'Cannot wait for "$ ": the guest said "incorrect" on its console: "Login incorrect"');
 * ```
 */
export class ConsoleFailureError extends Error {
  override readonly name = "ConsoleFailureError";
  /** Why. */
  readonly reason: ConsoleFailureReason;

  /**
   * @param attempt What could not be done: `wait for "login:"`.
   * @param reason Why.
   */
  constructor(attempt: string, reason: ConsoleFailureReason) {
    super(`Cannot ${attempt}: ${describe(reason)}`);
    this.reason = reason;
  }

  /** The known failure that it was; null when it was a pattern of `failOn`. */
  get failure(): ConsoleFailure | null {
    return this.reason.kind === "failure" ? this.reason.failure : null;
  }
}

/**
 * What was typed did not come back: the guest did not echo it, or echoed something else. Enter was not pressed.
 *
 * @example
 * ```ts
 * import { ConsoleEchoError } from "@qeeper/qeeper/testing";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const error = new ConsoleEchoError("uname -r", { heard: "unme -r", attempts: 3, elapsedMs: 10_000 });
 * assertStringIncludes(error.message, 'what came instead is "unme -r"');
 * ```
 */
export class ConsoleEchoError extends Error {
  override readonly name = "ConsoleEchoError";
  /** What was typed. */
  readonly line: string;
  /** What came instead of its echo. */
  readonly heard: string;
  /** How often it was typed. */
  readonly attempts: number;
  /** How long that took, in milliseconds. */
  readonly elapsedMs: number;

  /**
   * @param line What was typed.
   * @param found What came back, after how many attempts, in how many milliseconds.
   */
  constructor(line: string, found: { heard: string; attempts: number; elapsedMs: number }) {
    const { heard, attempts, elapsedMs } = found;
    const tries = attempts === 1 ? "once" : `${attempts} times`;
    super(
      `Cannot type ${JSON.stringify(line)} into the console: it was typed ${tries} in ${elapsedMs} ms, and ${
        heard === ""
          ? 'nothing came back; if this guest does not echo, say echo: "none", else wait for its prompt first'
          : `what came instead is ${quoteEnd(heard)}; wait for the guest's prompt first`
      }`,
    );
    this.line = line;
    this.heard = heard;
    this.attempts = attempts;
    this.elapsedMs = elapsedMs;
  }
}

/** A pattern as one writes it in TypeScript. */
export function showPattern(pattern: string | RegExp): string {
  return typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
}

function describe(reason: ConsoleFailureReason): string {
  if (reason.kind === "fail-on") {
    return `the guest said ${showPattern(reason.pattern)} on its console: ${quoteEnd(reason.heard)}`;
  }
  const { title, name, line, text } = reason.failure;
  return `${title} (${name}): ${line}\n${text.replace(/^/gm, "  ")}`;
}

function quoteEnd(text: string): string {
  const end = text.slice(-SHOWN_CHARS);
  return `${end.length < text.length ? "..." : ""}${JSON.stringify(end)}`;
}
