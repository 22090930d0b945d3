/**
 * One running QEMU: its process, monitors, console, how it is stopped, and why it ended.
 *
 * @module
 */
export { type Accel, type AccelChoice, type AccelRequest, chooseAccel } from "./accel.ts";
export { attach } from "./attach.ts";
export { ConsoleClosedError, ConsoleTimeoutError, LaunchError } from "./errors.ts";
export { HmpMonitor, type HmpOptions } from "./hmp_monitor.ts";
export { launch } from "./launch.ts";
export type { Lifetime } from "./qemu_process.ts";
export { runRoot } from "./run_dir.ts";
export { type ConsoleExpectOptions, type ConsoleMatch, SerialConsole } from "./serial_console.ts";
export type { StopOptions, StopRung } from "./stop_ladder.ts";
export { SignalGuard } from "./signal_guard.ts";
export { judgeLaunch } from "./verdict.ts";
export type { ExitStatus, Intent, TripleFault, Verdict, VerdictCause } from "./verdict.ts";
export type { AttachOptions, LaunchOptions, ShutdownOptions, Vm, VmCallOptions } from "./vm.ts";
