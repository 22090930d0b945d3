/**
 * Qeeper launches QEMU, keeps guests running, and tells you truthfully why one stopped.
 *
 * - {@linkcode launch} starts a VM and returns when it is ready: QMP negotiated on every monitor, console connected.
 * - {@linkcode attach} takes part in a QEMU that somebody else started.
 * - {@linkcode Supervisor} keeps many of them: what ends one becomes a typed report, and its policy says what to do.
 *
 * What this does not do: manage images, set up host networks, or run on several hosts.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "q35", accel: "tcg", memoryMiB: 64 });
 * assertEquals((await vm.status()).running, true);
 * ```
 *
 * @module
 */
export * from "./src/machine/mod.ts";
export * from "./src/supervisor/mod.ts";
export * from "./src/vm/mod.ts";
// Not by their room's own list, which brings all that speaks the protocol: that is loaded while QEMU starts.
export { formatAddress, type MonitorAddress } from "./src/qmp/address.ts";
export { QmpClient } from "./src/qmp/client.ts";
export {
  MonitorBusyError,
  QmpClosedError,
  QmpCommandError,
  QmpConnectError,
  QmpError,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from "./src/qmp/errors.ts";
export { EventStream } from "./src/qmp/event_stream.ts";
export type { AnyQmpEvent, ByteTransport, Logger, QmpEvent } from "./src/qmp/mod.ts";
export type { QgaClient } from "./src/qga/mod.ts";
export type { QmpCommands, QmpEvents, RunState, ShutdownCause, StatusInfo } from "./src/qapi/mod.ts";
