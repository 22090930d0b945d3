/**
 * What can go wrong on a monitor connection, grouped by what the caller can do about it:
 *
 * ```text
 * QmpError
 *  ├─ QmpCommandError      "command"      QEMU said no: look at `desc`; the connection goes on
 *  ├─ QmpConnectError      "connect"      no connection was made: look at `phase` and `cause`, and try again
 *  │   └─ MonitorBusyError "connect"      another client has the monitor: close that one, or add a monitor
 *  ├─ QmpProtocolError     "protocol"     the peer speaks no QMP: the connection is over
 *  ├─ QmpInterruptedError  "interrupted"  the connection went under a command: `sent` says whether it may have run
 *  ├─ QmpTimeoutError      "timeout"      no answer in time: QEMU is busy or stopped, and may still run it
 *  └─ QmpClosedError       "closed"       used after its end: make a new connection
 * ```
 *
 * An abort rejects with the signal's own reason, a wrong argument with a `TypeError` or a `RangeError`: neither of them is a
 * `QmpError`.
 *
 * @module
 */

/** Which error it is, for a `switch`. */
export type QmpErrorKind = "command" | "connect" | "protocol" | "interrupted" | "timeout" | "closed";

/** How far the making of a connection got. */
export type ConnectPhase = "open" | "greeting" | "negotiation";

/** How much of what the peer sent an error keeps, in characters. */
const MAX_OFFENDING = 200;

/**
 * The root of the errors of a monitor connection; `kind` says which one it is.
 *
 * @example
 * ```ts
 * import { QmpClosedError, QmpError } from "@qeeper/qeeper/qmp";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const error: unknown = new QmpClosedError("unix:/run/vm/qmp");
 * assert(error instanceof QmpError);
 * assertEquals(error.kind, "closed");
 * ```
 */
export abstract class QmpError extends Error {
  static {
    // On the prototype, so that V8 has it when it writes the first line of the stack.
    this.prototype.name = "QmpError";
  }
  /** Which error it is. */
  abstract readonly kind: QmpErrorKind;
}

/**
 * QEMU read the command and said no. The connection goes on. The arguments are not kept, since they may hold secrets.
 *
 * @example
 * ```ts
 * import { QmpCommandError } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new QmpCommandError("device_del", "DeviceNotFound", "Device 'vd0' not found");
 * assertEquals(error.message, `Command "device_del" failed: Device 'vd0' not found (DeviceNotFound)`);
 * ```
 */
export class QmpCommandError extends QmpError {
  static {
    this.prototype.name = "QmpCommandError";
  }
  override readonly kind = "command";
  /** The command that failed. */
  readonly command: string;
  /** QEMU's class for the error. It is nearly always `GenericError`, so there is little to branch on. */
  readonly class: string;
  /** QEMU's own words. */
  readonly desc: string;

  /**
   * @param command The command's name.
   * @param errorClass The reply's `class`.
   * @param desc The reply's `desc`.
   */
  constructor(command: string, errorClass: string, desc: string) {
    super(`Command "${command}" failed: ${desc} (${errorClass})`);
    this.command = command;
    this.class = errorClass;
    this.desc = desc;
  }
}

/**
 * No negotiated connection was made. `phase` says how far it got, `cause` why it got no further.
 *
 * @example
 * ```ts
 * import { QmpClient, QmpConnectError } from "@qeeper/qeeper/qmp";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(
 *   () => QmpClient.connect({ transport: "unix", path: "/nowhere/qmp" }),
 *   QmpConnectError,
 * );
 * assertEquals(error.phase, "open");
 * ```
 */
export class QmpConnectError extends QmpError {
  static {
    this.prototype.name = "QmpConnectError";
  }
  override readonly kind = "connect";
  /** The monitor's address, as `formatAddress` writes it. */
  readonly address: string;
  /** What failed: opening the socket, waiting for the greeting, or negotiating capabilities. */
  readonly phase: ConnectPhase;

  /**
   * @param address The monitor's address, as `formatAddress` writes it.
   * @param phase What failed.
   * @param options `cause`: why; `message`: for a subclass that can say it better.
   */
  constructor(address: string, phase: ConnectPhase, options: ErrorOptions & { message?: string } = {}) {
    super(options.message ?? connectMessage(address, phase, options.cause), causeOf(options.cause));
    this.address = address;
    this.phase = phase;
  }
}

/**
 * The monitor took the connection but sent no greeting. A QMP chardev serves one client at a time and lets the next ones wait without
 * a word, so another client most probably has it. (A QEMU that is stopped by a signal looks the same.)
 *
 * @example
 * ```ts
 * import { MonitorBusyError, QmpConnectError } from "@qeeper/qeeper/qmp";
 * import { assert, assertStringIncludes } from "@std/assert";
 *
 * const error = new MonitorBusyError("unix:/run/vm/qmp");
 * assert(error instanceof QmpConnectError);
 * assertStringIncludes(error.message, "another client");
 * ```
 */
export class MonitorBusyError extends QmpConnectError {
  static {
    this.prototype.name = "MonitorBusyError";
  }

  /**
   * @param address The monitor's address, as `formatAddress` writes it.
   * @param phase `open` when the socket's own queue was full, else `greeting`.
   * @param options `cause`, if there is one.
   */
  constructor(address: string, phase: "open" | "greeting" = "greeting", options: ErrorOptions = {}) {
    const found = phase === "open" ? "its queue of waiting clients is full" : "no greeting came in time";
    super(address, phase, {
      ...options,
      message: `Cannot connect to the monitor at ${address}: ${found}, so another client probably has it. ` +
        "A QMP monitor serves one client at a time: close the other one, or give QEMU one more monitor",
    });
  }
}

/**
 * The peer sent what is no QMP: malformed JSON, invalid UTF-8, a message over the size limit, a message that ends too early, or a
 * reply that belongs to nothing. The connection can't be trusted after it, so it is over.
 *
 * @example
 * ```ts
 * import { QmpProtocolError } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new QmpProtocolError("Malformed JSON", "SSH-2.0\r\n");
 * assertEquals(error.offending, "SSH-2.0\\r\\n");
 * ```
 */
export class QmpProtocolError extends QmpError {
  static {
    this.prototype.name = "QmpProtocolError";
  }
  override readonly kind = "protocol";
  /** What is wrong with it. */
  readonly reason: string;
  /** The start of what was sent, at most 200 characters, in printable ASCII. */
  readonly offending: string;

  /**
   * @param reason What is wrong with what the peer sent.
   * @param offending What it sent, as text or as bytes; of a longer one the start is kept.
   * @param options `cause`, if there is one.
   */
  constructor(reason: string, offending: string | Uint8Array = "", options: ErrorOptions = {}) {
    const shown = printable(offending);
    super(`${reason}${shown === "" ? "" : `, found: ${shown}`}`, causeOf(options.cause));
    this.reason = reason;
    this.offending = shown;
  }
}

/**
 * The connection went while a command was pending. `sent` says what that means: what was not sent has not run; what was sent may or
 * may not have run. The library never sends a command twice, so the decision is the caller's.
 *
 * @example
 * ```ts
 * import { QmpInterruptedError } from "@qeeper/qeeper/qmp";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 *
 * const error = new QmpInterruptedError("quit", true);
 * assertEquals(error.sent, true);
 * assertStringIncludes(error.message, "may have run");
 * ```
 */
export class QmpInterruptedError extends QmpError {
  static {
    this.prototype.name = "QmpInterruptedError";
  }
  override readonly kind = "interrupted";
  /** The command that was pending. */
  readonly command: string;
  /** Whether its bytes had been handed to the connection. */
  readonly sent: boolean;

  /**
   * @param command The command's name.
   * @param sent Whether its bytes had been handed to the connection.
   * @param cause Why the connection went; nothing or `null` for a plain end.
   */
  constructor(command: string, sent: boolean, cause?: unknown) {
    const meaning = sent
      ? "after it was sent, so it may have run: ask for the state before sending it again"
      : "before it was sent, so it has not run";
    super(`Command "${command}" was interrupted: the connection ended ${meaning}`, causeOf(cause));
    this.command = command;
    this.sent = sent;
  }
}

/**
 * No answer came within the time that the caller allowed. The command is not taken back: what was sent may still run.
 *
 * @example
 * ```ts
 * import { QmpTimeoutError } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new QmpTimeoutError("query-status", 500);
 * assertEquals([error.command, error.timeoutMs], ["query-status", 500]);
 * ```
 */
export class QmpTimeoutError extends QmpError {
  static {
    this.prototype.name = "QmpTimeoutError";
  }
  override readonly kind = "timeout";
  /** The command that got no answer. */
  readonly command: string;
  /** How long it was waited for, in milliseconds. */
  readonly timeoutMs: number;

  /**
   * @param command The command's name.
   * @param timeoutMs How long it was waited for, in milliseconds.
   * @param message What was waited for, where that is more than the answer.
   */
  constructor(command: string, timeoutMs: number, message?: string) {
    super(
      message ?? `Command "${command}" got no answer within ${timeoutMs} ms and may still run: ` +
          "QEMU is busy or stopped, so look at its process, or allow more time",
    );
    this.command = command;
    this.timeoutMs = timeoutMs;
  }
}

/**
 * A connection was used after its end.
 *
 * @example
 * ```ts
 * import { QmpClosedError } from "@qeeper/qeeper/qmp";
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes(new QmpClosedError("tcp:localhost:4444").message, "connect again");
 * ```
 */
export class QmpClosedError extends QmpError {
  static {
    this.prototype.name = "QmpClosedError";
  }
  override readonly kind = "closed";
  /** The monitor's address, as `formatAddress` writes it. */
  readonly address: string;

  /**
   * @param address The monitor's address, as `formatAddress` writes it.
   * @param cause Why the connection ended; nothing or `null` for a plain end.
   */
  constructor(address: string, cause?: unknown) {
    super(`Cannot use the connection to ${address} after its end: connect again`, causeOf(cause));
    this.address = address;
  }
}

function connectMessage(address: string, phase: ConnectPhase, cause: unknown): string {
  const why = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  switch (phase) {
    case "open":
      return `Cannot connect to the monitor at ${address}${why || ": nothing could be opened there"}`;
    case "greeting":
      return `Cannot connect to the monitor at ${address}: the connection ended before QEMU's greeting${why}`;
    case "negotiation":
      return `Cannot connect to the monitor at ${address}: negotiating capabilities failed${why}`;
  }
}

/** No cause is better than a cause that says `null`. */
function causeOf(cause: unknown): ErrorOptions {
  return cause === undefined || cause === null ? {} : { cause };
}

/** What the peer sent is not to be trusted in a terminal or a log: everything but printable ASCII is escaped. */
function printable(offending: string | Uint8Array): string {
  // Each byte as one character: invalid UTF-8 then stays visible as what it is.
  const text = typeof offending === "string"
    ? offending.slice(0, MAX_OFFENDING)
    : String.fromCharCode(...offending.subarray(0, MAX_OFFENDING));
  const escaped = text.replace(/[^\x20-\x7e]/g, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\r") return "\\r";
    if (char === "\t") return "\\t";
    const code = char.charCodeAt(0);
    return code > 0xff
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\x${code.toString(16).padStart(2, "0")}`;
  });
  return escaped.slice(0, MAX_OFFENDING);
}
