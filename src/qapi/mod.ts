/**
 * What QEMU says, as types: the commands and events that Qeeper itself uses. Names are spelled as QAPI spells them.
 *
 * @module
 */
export type { QmpCommands } from "./commands.ts";
export type { QmpEvents } from "./events.ts";
export type { PanicAction, RunState, ShutdownCause, StatusInfo, WatchdogAction } from "./run_state.ts";
