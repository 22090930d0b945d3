import type { Open, PanicAction, ShutdownCause, WatchdogAction } from "./run_state.ts";

/** The `data` of each event; `undefined` for events that carry none. */
export interface QmpEvents {
  /** The guest's disk failed; `nospace` is absent where the error is only reported to the guest. */
  BLOCK_IO_ERROR: {
    "qom-path"?: string;
    device: string;
    "node-name"?: string;
    operation: Open<"read" | "write">;
    action: Open<"ignore" | "report" | "stop">;
    nospace?: boolean;
    reason: string;
  };
  /** The guest is about to load a crash kernel and handles its panic itself. */
  GUEST_CRASHLOADED: { action: PanicAction; info?: Record<string, unknown> };
  GUEST_PANICKED: { action: PanicAction; info?: Record<string, unknown> };
  GUEST_PVSHUTDOWN: undefined;
  MEMORY_FAILURE: { recipient: string; action: string; flags: Record<string, boolean> };
  /** The power button was pressed; the guest may ignore it. */
  POWERDOWN: undefined;
  RESET: { guest: boolean; reason: ShutdownCause };
  RESUME: undefined;
  RTC_CHANGE: { offset: number | bigint; "qom-path": string };
  SHUTDOWN: { guest: boolean; reason: ShutdownCause };
  STOP: undefined;
  SUSPEND: undefined;
  SUSPEND_DISK: undefined;
  /** A virtio serial port was opened or closed inside the guest. */
  VSERPORT_CHANGE: { id: string; open: boolean };
  WAKEUP: undefined;
  WATCHDOG: { action: WatchdogAction };
}
