/**
 * What can go wrong with a guest agent, grouped by what the caller can do about it:
 *
 * ```text
 * QgaError
 *  ├─ QgaAbsentError       "absent"       no agent there: the VM has no channel, or nothing in the guest has opened it
 *  ├─ QgaTimeoutError      "timeout"      no answer in time: `sent` says whether the command may still run
 *  ├─ QgaDisabledError     "disabled"     the agent refuses this command by its own settings, or doesn't know it
 *  ├─ QgaCommandError      "command"      the agent tried and failed: look at `desc`
 *  ├─ QgaInterruptedError  "interrupted"  the connection went under a command: `sent` says whether it may have run
 *  ├─ QgaProtocolError     "protocol"     the guest sent what is no reply; the next command starts afresh
 *  └─ QgaThawError         "thaw"         the guest's file systems may still be frozen: act at once
 * ```
 *
 * An abort rejects with the signal's own reason, a wrong argument with a `TypeError` or a `RangeError`.
 *
 * @module
 */

/** Which error it is, for a `switch`. */
export type QgaErrorKind =
  | "absent"
  | "timeout"
  | "disabled"
  | "command"
  | "interrupted"
  | "protocol"
  | "thaw";

/**
 * The root of the guest agent's errors; `kind` says which one it is.
 *
 * @example
 * ```ts
 * import { QgaError, QgaTimeoutError } from "@qeeper/qeeper/qga";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const error: unknown = new QgaTimeoutError("guest-ping", 500, false);
 * assert(error instanceof QgaError);
 * assertEquals(error.kind, "timeout");
 * ```
 */
export abstract class QgaError extends Error {
  static {
    // On the prototype, so that V8 has it when it writes the first line of the stack.
    this.prototype.name = "QgaError";
  }
  /** Which error it is. */
  abstract readonly kind: QgaErrorKind;
}

/** What is missing: the socket on the host, or somebody in the guest who has opened the port. */
export type QgaAbsence = "channel" | "agent";

/**
 * There is no agent to talk to. Nothing was sent.
 *
 * @example
 * ```ts
 * import { QgaAbsentError, QgaClient } from "@qeeper/qeeper/qga";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using agent = new QgaClient({ transport: "unix", path: "/nowhere/agent" });
 * const error = await assertRejects(() => agent.execute("guest-ping"), QgaAbsentError);
 * assertEquals(error.missing, "channel");
 * ```
 */
export class QgaAbsentError extends QgaError {
  static {
    this.prototype.name = "QgaAbsentError";
  }
  override readonly kind = "absent";
  /** The channel's address, as `formatAddress` writes it. */
  readonly address: string;
  /** What is missing. */
  readonly missing: QgaAbsence;

  /**
   * @param address The channel's address, as `formatAddress` writes it.
   * @param missing What is missing.
   * @param options `cause`, if there is one.
   */
  constructor(address: string, missing: QgaAbsence, options: ErrorOptions = {}) {
    const why = options.cause instanceof Error ? ` (${options.cause.message})` : "";
    super(
      missing === "channel"
        ? `Cannot reach the guest agent at ${address}: nobody listens there${why}; start the VM with \`agent: true\``
        : `Cannot reach the guest agent at ${address}: nothing in the guest has opened its port; ` +
          "install and start qemu-guest-agent there, or wait until it runs",
      options,
    );
    this.address = address;
    this.missing = missing;
  }
}

/**
 * The agent did not answer in time. Before the next command the client finds its place in the stream again, so a late reply is never
 * taken for another one's.
 *
 * @example
 * ```ts
 * import { QgaTimeoutError } from "@qeeper/qeeper/qga";
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes(new QgaTimeoutError("guest-fstrim", 500, true).message, "may still run");
 * ```
 */
export class QgaTimeoutError extends QgaError {
  static {
    this.prototype.name = "QgaTimeoutError";
  }
  override readonly kind = "timeout";
  /** The command that got no answer. */
  readonly command: string;
  /** How long it was waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the command had been written: then it may still run, or run later. */
  readonly sent: boolean;

  /**
   * @param command The command's name.
   * @param timeoutMs How long it was waited for, in milliseconds.
   * @param sent Whether it had been written.
   * @param options `cause`, if there is one.
   */
  constructor(command: string, timeoutMs: number, sent: boolean, options: ErrorOptions = {}) {
    super(
      sent
        ? `Guest agent command "${command}" got no answer within ${timeoutMs} ms and may still run: ` +
          "the guest is paused or busy, or the command needs more time"
        : `Guest agent command "${command}" was not sent, as the agent did not answer within ${timeoutMs} ms: ` +
          "it does not run, the guest is paused or busy, or another client has the channel",
      options,
    );
    this.command = command;
    this.timeoutMs = timeoutMs;
    this.sent = sent;
  }
}

/**
 * The agent does not do this command: its settings forbid it (`--block-rpcs`, or everything but thawing while the file systems are
 * frozen), or this agent doesn't have it. Other commands may work.
 *
 * @example
 * ```ts
 * import { QgaDisabledError } from "@qeeper/qeeper/qga";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new QgaDisabledError("guest-exec", "Command guest-exec has been disabled");
 * assertEquals([error.kind, error.command], ["disabled", "guest-exec"]);
 * ```
 */
export class QgaDisabledError extends QgaError {
  static {
    this.prototype.name = "QgaDisabledError";
  }
  override readonly kind = "disabled";
  /** The command that is not done. */
  readonly command: string;
  /** The agent's own words. */
  readonly desc: string;

  /**
   * @param command The command's name.
   * @param desc The agent's own words.
   */
  constructor(command: string, desc: string) {
    super(
      `Guest agent command "${command}" is not available: ${desc}; \`guest-info\` lists what this agent does`,
    );
    this.command = command;
    this.desc = desc;
  }
}

/**
 * The agent took the command and failed.
 *
 * @example
 * ```ts
 * import { QgaCommandError } from "@qeeper/qeeper/qga";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new QgaCommandError("guest-file-open", "GenericError", "No such file");
 * assertEquals(error.message, 'Guest agent command "guest-file-open" failed: No such file (GenericError)');
 * ```
 */
export class QgaCommandError extends QgaError {
  static {
    this.prototype.name = "QgaCommandError";
  }
  override readonly kind = "command";
  /** The command that failed. */
  readonly command: string;
  /** The agent's class for the error; nearly always `GenericError`. */
  readonly class: string;
  /** The agent's own words. */
  readonly desc: string;

  /**
   * @param command The command's name.
   * @param errorClass The reply's `class`.
   * @param desc The reply's `desc`.
   */
  constructor(command: string, errorClass: string, desc: string) {
    super(`Guest agent command "${command}" failed: ${desc} (${errorClass})`);
    this.command = command;
    this.class = errorClass;
    this.desc = desc;
  }
}

/**
 * The connection ended under a command, most often because QEMU did.
 *
 * @example
 * ```ts
 * import { QgaInterruptedError } from "@qeeper/qeeper/qga";
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes(new QgaInterruptedError("guest-fstrim", false).message, "has not run");
 * ```
 */
export class QgaInterruptedError extends QgaError {
  static {
    this.prototype.name = "QgaInterruptedError";
  }
  override readonly kind = "interrupted";
  /** The command that was under way. */
  readonly command: string;
  /** Whether it had been written: then it may have run. */
  readonly sent: boolean;

  /**
   * @param command The command's name.
   * @param sent Whether it had been written.
   * @param options `cause`, if there is one.
   */
  constructor(command: string, sent: boolean, options: ErrorOptions = {}) {
    super(
      `Guest agent command "${command}" was interrupted: the connection ended ` +
        (sent ? "after it was sent, so it may have run" : "before it was sent, so it has not run"),
      options,
    );
    this.command = command;
    this.sent = sent;
  }
}

/**
 * The guest sent what is no reply. What a guest says is never to be trusted; the next command starts afresh.
 *
 * @example
 * ```ts
 * import { QgaProtocolError } from "@qeeper/qeeper/qga";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new QgaProtocolError("guest-ping", "there is no value").kind, "protocol");
 * ```
 */
export class QgaProtocolError extends QgaError {
  static {
    this.prototype.name = "QgaProtocolError";
  }
  override readonly kind = "protocol";
  /** The command whose reply it should have been. */
  readonly command: string;

  /**
   * @param command The command's name.
   * @param reason What is wrong with what came.
   * @param options `cause`, if there is one.
   */
  constructor(command: string, reason: string, options: ErrorOptions = {}) {
    super(`Cannot use the guest agent's answer to "${command}": ${reason}`, options);
    this.command = command;
  }
}

/**
 * The guest's file systems could not be thawed: whatever writes in the guest hangs until somebody thaws them.
 *
 * @example
 * ```ts
 * import { QgaThawError } from "@qeeper/qeeper/qga";
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes(new QgaThawError([new Error("no answer")], null).message, "MAY STILL BE FROZEN");
 * ```
 */
export class QgaThawError extends QgaError {
  static {
    this.prototype.name = "QgaThawError";
  }
  override readonly kind = "thaw";
  /** Why each attempt to thaw failed. */
  readonly attempts: readonly unknown[];
  /** What the freeze or the action had thrown before, in an object of its own; null if it went well. */
  readonly before: { readonly error: unknown } | null;

  /**
   * @param attempts Why each attempt to thaw failed.
   * @param before What the freeze or the action had thrown.
   */
  constructor(attempts: readonly unknown[], before: { readonly error: unknown } | null) {
    const last = attempts.at(-1);
    const why = last instanceof Error ? last.message : String(last);
    super(
      `THE GUEST'S FILE SYSTEMS MAY STILL BE FROZEN: thawing failed ${attempts.length} times, at last with: ${why}; ` +
        "run `guest-fsfreeze-thaw` again until it succeeds, or reset the VM",
      { cause: last },
    );
    this.attempts = attempts;
    this.before = before;
  }
}
