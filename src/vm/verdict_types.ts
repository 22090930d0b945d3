import type { AnyQmpEvent, Open, ShutdownCause } from "../qmp/mod.ts";
import type { StopRung } from "./stop_ladder.ts";

/**
 * Why a guest, or its QEMU, stopped.
 *
 * @example
 * ```ts
 * import { launch, type VerdictCause } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const cause: VerdictCause = (await vm.kill()).cause;
 * assertEquals(cause, "killed");
 * ```
 */
export type VerdictCause =
  /** The guest powered itself off, or ended QEMU through isa-debug-exit. */
  | "guest-shutdown"
  /** The guest reset itself, or was reset where QEMU ends at a reset; `tripleFault` tells a fault from a wish. */
  | "guest-reset"
  /** The guest's kernel panicked and said so through pvpanic. */
  | "guest-panic"
  /** The guest's watchdog device fired. */
  | "watchdog"
  /** A disk failed, and QEMU holds the guest: the request is tried again when it is resumed. */
  | "io-error"
  /** The accelerator, or QEMU itself, met an error that it could still report. */
  | "internal-error"
  /** QEMU was told to quit on a monitor. */
  | "host-quit"
  /** QEMU was told to end by SIGTERM, SIGINT or SIGHUP, and obeyed. */
  | "host-signal"
  /** QEMU was killed by a signal that it can't obey: SIGKILL, as the kernel sends it when memory is short. */
  | "killed"
  /** QEMU ended by its own fault: a crash, or an error that it gave up at. */
  | "crashed"
  /** QEMU could not be started, or ended before it was ready. */
  | "launch-failed"
  /** QEMU is there and does not answer. */
  | "unresponsive"
  /** It is gone, and nothing says why. */
  | "lost";

/**
 * How a process ended.
 *
 * @example
 * ```ts
 * import { type ExitStatus, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const exit: ExitStatus | null = (await vm.kill()).exit;
 * assertEquals(exit, { code: 137, signal: "SIGKILL" });
 * ```
 */
export interface ExitStatus {
  /** Its exit code; 128 + N after a signal N, as Deno has it. */
  code: number;
  /** The name of the signal that ended it; null when it exited. */
  signal: string | null;
}

/**
 * What is known of a triple fault: QEMU's events show it as a plain reset; only its log of CPU resets tells, which there is under tcg.
 *
 * @example
 * ```ts
 * import { launch, type TripleFault } from "@qeeper/qeeper";
 * import { rom, tinyGuests } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(tinyGuests.tripleFault.code));
 * await using vm = await launch({ accel: "tcg", firmware: { bios }, actions: { reboot: "shutdown" } });
 * const tripleFault: TripleFault | null = (await vm.stopped).tripleFault;
 * assertEquals(tripleFault, true);
 * await Deno.remove(bios);
 * ```
 */
export type TripleFault = boolean | "unknown";

/**
 * Why it stopped, with the evidence.
 *
 * @example
 * ```ts
 * import { launch, type Verdict } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * await vm.qmp.execute("quit");
 * const verdict: Verdict = await vm.stopped;
 * assertEquals([verdict.cause, verdict.exit?.code, verdict.intent], ["host-quit", 0, "none"]);
 * assertEquals(verdict.events.map(({ event }) => event), ["RESUME", "SHUTDOWN"]);
 * ```
 */
export interface Verdict {
  /** The cause, in one word. */
  cause: VerdictCause;
  /** The cause in a sentence, with what it rests on. */
  detail: string;
  /** When it was known. */
  at: Date;
  /** `ended`: the process is gone. `held`: QEMU is still there, and the guest's CPUs are stopped. `running`: the guest was reset and goes on. */
  process: "ended" | "held" | "running";
  /** How the process ended; null while it is there, and for a QEMU that somebody else, or an earlier process, started. */
  exit: ExitStatus | null;
  /** QEMU's own `reason`, from the SHUTDOWN or RESET that ended it; null when there was no such event. */
  reason: Open<ShutdownCause> | null;
  /** For a guest's reset, whether a triple fault caused it; null for every other cause. */
  tripleFault: TripleFault | null;
  /**
   * Whether the kernel killed QEMU because memory was short, as its log and QEMU's cgroup have it, where they can be read; null where something else
   * explains the end.
   */
  oomKill: boolean | "unknown" | null;
  /** What this library was doing to the guest at that moment. */
  intent: Intent;
  /** The last rung of the stop ladder that was tried, which is the one that worked; null when nobody asked for the end. */
  rung: StopRung | null;
  /** The end of what QEMU said on stderr. */
  stderrTail: string;
  /** The end of what the guest said on its console; empty where it has none. */
  consoleTail: string;
  /** The last events before the end, oldest first. */
  events: readonly AnyQmpEvent[];
}

/**
 * What the owner of the VM asked for last: nothing, its end, or its end at once.
 *
 * @example
 * ```ts
 * import { type Intent, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const intent: Intent = (await vm.shutdown({ powerdownMs: 0 })).intent;
 * assertEquals(intent, "stop");
 * ```
 */
export type Intent = "none" | "stop" | "kill";
