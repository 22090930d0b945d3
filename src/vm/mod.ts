/**
 * One running QEMU: its process, monitors, console, how it is stopped, and why it ended.
 *
 * {@linkcode launch} starts one and {@linkcode attach} takes part in one; both give a {@linkcode Vm}. What ends it, or its guest, is a
 * {@linkcode Verdict} with its evidence.
 *
 * Design: decisions are apart from effects. `verdict.ts` (why the process ended), `end_tracker.ts` and `resets.ts` (what ended inside it),
 * `evidence.ts` (what events and run states mean) and `stop_ladder.ts` (how to stop it) are pure; `running_vm.ts` feeds them. A launch is
 * `launch.ts`, then `start_qemu.ts` (spawn), then `ready.ts` (every connection), and from there on a `RunningVm`.
 *
 * What this does not do: start a guest again (that is the supervisor's business), or reconnect to a monitor that was lost.
 *
 * @module
 */
export { type Accel, type AccelChoice, type AccelRequest, chooseAccel } from "./accel.ts";
export { attach } from "./attach.ts";
export {
  awaitDump,
  DUMP_FORMATS,
  type DumpFormat,
  dumpMemory,
  type DumpMemoryOptions,
  type DumpProgress,
} from "./dump.ts";
export { ConsoleClosedError, ConsoleTimeoutError, LaunchError } from "./errors.ts";
export { HmpMonitor, type HmpOptions } from "./hmp_monitor.ts";
export { launch } from "./launch.ts";
export type { Lifetime } from "./qemu_process.ts";
export { runRoot } from "./run_root.ts";
export type { ConsoleExpectOptions, ConsoleMatch, SerialConsole } from "./serial_console.ts";
export type { StopOptions, StopRung } from "./stop_ladder.ts";
export { SignalGuard } from "./signal_guard.ts";
export type { ExitStatus, Intent, TripleFault, Verdict, VerdictCause } from "./verdict_types.ts";
export type { AttachOptions, LaunchOptions, ShutdownOptions, Vm, VmCallOptions, VmWireTap } from "./vm.ts";
