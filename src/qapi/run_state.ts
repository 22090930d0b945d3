/** A string type that completes the known names and takes others: a newer QEMU may have more. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

/** The states that `query-status` answers with. */
export type RunState = Open<
  | "debug"
  | "inmigrate"
  | "internal-error"
  | "io-error"
  | "paused"
  | "postmigrate"
  | "prelaunch"
  | "finish-migrate"
  | "restore-vm"
  | "running"
  | "save-vm"
  | "shutdown"
  | "suspended"
  | "watchdog"
  | "guest-panicked"
  | "colo"
>;

/** Why QEMU shut the guest down or reset it. */
export type ShutdownCause = Open<
  | "none"
  | "host-error"
  | "host-qmp-quit"
  | "host-qmp-system-reset"
  | "host-signal"
  | "host-ui"
  | "guest-shutdown"
  | "guest-reset"
  | "guest-panic"
  | "subsystem-reset"
  | "snapshot-load"
>;

/** What QEMU did about a panic: `run` means nothing. */
export type PanicAction = Open<"pause" | "poweroff" | "run">;

/** What QEMU did when a watchdog fired. */
export type WatchdogAction = Open<
  "reset" | "shutdown" | "poweroff" | "pause" | "debug" | "none" | "inject-nmi"
>;

/** The answer to `query-status`. */
export interface StatusInfo {
  running: boolean;
  status: RunState;
}
