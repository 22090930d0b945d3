import type { QgaClient } from "../qga/mod.ts";
import type { AnyQmpEvent, EventStream, Logger, QmpClient } from "../qmp/mod.ts";
import type { EventSource } from "./event_hub.ts";
import type { FoundGuest } from "./guest_ends.ts";
import type { HmpMonitor } from "./hmp_monitor.ts";
import type { OomCount } from "./oom_kill.ts";
import type { QemuProcess } from "./qemu_process.ts";
import type { ResetLog } from "./reset_log.ts";
import type { ResetHabit } from "./resets.ts";
import type { RunDir } from "./run_dir.ts";
import type { SerialConsole } from "./serial_console.ts";
import type { StopOptions } from "./stop_ladder.ts";

/** What is known of a guest that somebody else, or an earlier process, started. */
export interface Found extends FoundGuest {
  /** The last event that was seen of it, so that it is not seen again. */
  last: AnyQmpEvent | null;
  /** The end of what it said before. */
  consoleTail: string;
  /** `from-now`: the first streams of events and of ends have all that comes after this, however late they are opened. */
  streams: "from-now" | "from-call";
}

/** Everything that a `RunningVm` takes over. */
export interface VmParts {
  name: string;
  process: QemuProcess | null;
  argv: readonly string[] | null;
  runDir: RunDir | null;
  control: QmpClient;
  /** The events that count. */
  events: EventSource;
  /** The same events from another monitor, should the first be lost; null where there is only one. */
  standby: EventStream<AnyQmpEvent> | null;
  monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  console: SerialConsole | null;
  agent: QgaClient | null;
  stop: StopOptions;
  logger: Logger;
  resetLog: ResetLog | null;
  resetHabit: ResetHabit;
  /** Guest reboots are held (`-action reboot=shutdown`), so that a reset has to lift that first. */
  reboots: "reset" | "held";
  /** QEMU has an isa-debug-exit device. */
  debugExit: boolean;
  /** Reads what QEMU itself recorded after an event, or all of it; null where it records nothing. */
  recording: ((last: AnyQmpEvent | null) => Promise<readonly AnyQmpEvent[]>) | null;
  /** How often the kernel has killed something in QEMU's control group before; null where that is not known. */
  oomCount: OomCount | null;
  /** How the guest was found; null for one that was just started. */
  found: Found | null;
  /** Called when QEMU has gone, or was let go of. */
  onStopped: () => void;
}
