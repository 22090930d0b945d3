import type { ConsoleFailure } from "./errors.ts";
import type { ConsoleChannel } from "./expectations.ts";
import type { FailureSwitches } from "./failures.ts";
import type { Secret } from "./redaction.ts";

/**
 * How a {@link GuestConsole} is to be.
 *
 * @example
 * ```ts
 * import type { GuestConsoleOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: GuestConsoleOptions = { redact: ["hunter2", /token=\S+/], classifiers: { oops: false } };
 * assertEquals(options.redact?.length, 2);
 * ```
 */
export interface GuestConsoleOptions {
  /**
   * What must not be seen in transcripts, errors and live output: texts, and what expressions match.
   *
   * @default {[]}
   */
  redact?: readonly Secret[];
  /** Aborted when the guest has failed otherwise: then all that waits rejects with its reason. */
  failed?: AbortSignal;
  /**
   * Which of the known failures to look for, by name; `false` for none.
   *
   * @default {{}} All of them.
   */
  classifiers?: FailureSwitches;
  /** Called with each failure that the guest tells of, also when nobody waits for anything. It comes before the waits reject. */
  onFailure?: (failure: ConsoleFailure) => void;
}

/**
 * What {@link GuestConsole.expect} takes beside the pattern.
 *
 * @example
 * ```ts
 * import type { GuestExpectOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: GuestExpectOptions = { failOn: ["Login incorrect", /^error: /m], timeoutMs: 5000 };
 * assertEquals(options.failOn?.length, 2);
 * ```
 */
export interface GuestExpectOptions {
  /**
   * What the guest must not say first, in what its programs write or in its kernel's log; what was said since the last match counts.
   *
   * @default {[]}
   */
  failOn?: readonly (string | RegExp)[];
  /**
   * Where to look: in what programs write, or in the kernel's log lines (without what broke into them, one a line).
   *
   * @default {"text"}
   */
  in?: ConsoleChannel;
  /**
   * Stops waiting after this many milliseconds, with a `ConsoleTimeoutError`; `Infinity` for no limit.
   *
   * @default {60000}
   */
  timeoutMs?: number;
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * How a line is typed.
 *
 * @example
 * ```ts
 * import type { TypeLineOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const atPasswordPrompt: TypeLineOptions = { echo: "none", secret: true };
 * assertEquals(atPasswordPrompt.echo, "none");
 * ```
 */
export interface TypeLineOptions {
  /**
   * `"check"`: Enter is pressed once the guest has echoed the line; what got lost is typed again. `"none"`: for a guest that does not
   * echo, or at a password's prompt; the line is sent at once.
   *
   * @default {"check"}
   */
  echo?: "check" | "none";
  /**
   * What the Enter key sends.
   *
   * @default {"\r"}
   */
  enter?: string;
  /**
   * What erases a line in this guest: Ctrl-U in terminals and shells.
   *
   * @default {"\x15"}
   */
  erase?: string;
  /**
   * The line must not be seen: it is redacted from now on.
   *
   * @default {false}
   */
  secret?: boolean;
  /**
   * How long the echo may take, in milliseconds.
   *
   * @default {10000}
   */
  timeoutMs?: number;
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Something that was typed.
 *
 * @example
 * ```ts
 * import type { TypedInput } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const input: TypedInput = { at: new Date(0), how: "type", text: "uname -r" };
 * assertEquals(input.at.getTime(), 0);
 * ```
 */
export interface TypedInput {
  /** When. */
  readonly at: Date;
  /** How: a line by `type`, anything else by `write`. */
  readonly how: "type" | "write";
  /** What, without secrets. */
  readonly text: string;
}
