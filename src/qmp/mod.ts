/**
 * QMP, the QEMU Machine Protocol: bytes in, typed replies and events out. Use it by itself to talk to a QEMU that something else
 * manages; to start one, see the package's main entry point.
 *
 * `QmpClient` is the connection. Everything that can go wrong is a `QmpError`, grouped by what the caller can do.
 *
 * What this does not do: reconnect (a command is never sent twice, so only the caller can decide), or share one monitor
 * among clients (a QMP chardev serves one at a time).
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const stopped = await vm.qmp.expect("STOP", () => vm.qmp.execute("stop"));
 * assertEquals(stopped.event, "STOP");
 * ```
 *
 * @module
 */
export {
  formatAddress,
  type MonitorAddress,
  type StdioAddress,
  type TcpAddress,
  type UnixAddress,
} from "./address.ts";
export { QmpClient } from "./client.ts";
export type { ClientOptions, ConnectOptions, ExecuteOptions, ExpectOptions } from "./client_options.ts";
export { type DecoderOptions, QmpDecoder } from "./decoder.ts";
export { dial, type DialOptions } from "./dial.ts";
export {
  type ConnectPhase,
  MonitorBusyError,
  QmpClosedError,
  QmpCommandError,
  QmpConnectError,
  QmpError,
  type QmpErrorKind,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from "./errors.ts";
export { EventStream } from "./event_stream.ts";
export { type Logger, silentLogger } from "./logger.ts";
export {
  type AnyQmpEvent,
  classifyMessage,
  type EventOf,
  type Greeting,
  type QmpEvent,
  type QmpMessage,
} from "./message.ts";
export {
  type ByteTransport,
  type ChildStdio,
  openTransport,
  socketTransport,
  stdioTransport,
} from "./transport.ts";
export type { TypedQmp } from "./typed_qmp.ts";
export type { WireTap } from "./wire.ts";
export type { Open, QmpCommands, QmpEvents, RunState, ShutdownCause, StatusInfo } from "../qapi/mod.ts";
