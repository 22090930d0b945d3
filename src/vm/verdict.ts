import type { RunState, ShutdownCause } from "../qapi/mod.ts";
import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { StopRung } from "./stop_ladder.ts";

/** Why a guest, or its QEMU, stopped. */
export type VerdictCause =
  | "guest-shutdown"
  | "guest-reset"
  | "guest-panic"
  | "watchdog"
  | "io-error"
  | "internal-error"
  | "host-quit"
  | "host-signal"
  | "killed"
  | "crashed"
  | "launch-failed"
  | "unresponsive"
  | "lost";

/** How a process ended: its exit code (128 + N for a signal N, as Deno has it), and the signal's name if there was one. */
export interface ExitStatus {
  code: number;
  signal: string | null;
}

/** What is known of a triple fault: QEMU's events show it as a plain reset; only its log of CPU resets tells. */
export type TripleFault = boolean | "unknown";

/** Why it stopped, with the evidence. */
export interface Verdict {
  /** The cause, in one word. */
  cause: VerdictCause;
  /** The cause in a sentence, with what it rests on. */
  detail: string;
  /** When it was known. */
  at: Date;
  /** `ended`: the process is gone. `held`: QEMU is still there, and the guest's CPUs are stopped. `running`: the guest was reset and goes on. */
  process: "ended" | "held" | "running";
  /** How the process ended; null while it is there, and for a QEMU that somebody else started. */
  exit: ExitStatus | null;
  /** QEMU's own `reason`, from SHUTDOWN or RESET; null when there was no such event. */
  reason: ShutdownCause | null;
  /** For a guest's reset, whether a triple fault caused it; null for every other cause. */
  tripleFault: TripleFault | null;
  /** What this library was doing to the guest at that moment. */
  intent: Intent;
  /** Which rung of the stop ladder ended it; null when nobody asked for the end. */
  rung: StopRung | null;
  /** The end of what QEMU said on stderr. */
  stderrTail: string;
  /** The last events before the end, oldest first. */
  events: readonly AnyQmpEvent[];
}

/** What the owner of the VM asked for last: nothing, its end, or its end at once. */
export type Intent = "none" | "stop" | "kill";

/** All that is known when the process is gone. */
export interface Evidence {
  at: Date;
  exit: ExitStatus | null;
  events: readonly AnyQmpEvent[];
  stderrTail: string;
  intent: Intent;
  rung: StopRung | null;
  /** The verdict on an end inside the process that was still held when the process went. */
  held: Verdict | null;
  /** QEMU has an `isa-debug-exit` device: its exit code is then the guest's own word. */
  debugExit: boolean;
  /** What the log of CPU resets says. */
  tripleFault: TripleFault;
}

/** Signals that mean a fault in the program itself. */
const CRASH_SIGNALS: ReadonlySet<string> = new Set([
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGQUIT",
  "SIGSEGV",
  "SIGSYS",
  "SIGTRAP",
]);

/** Signals on which QEMU shuts down in order, so that they may also end it before its handlers are there. */
const STOP_SIGNALS: ReadonlySet<string> = new Set(["SIGTERM", "SIGINT", "SIGHUP"]);

/** What each `reason` of a SHUTDOWN event means. */
const SHUTDOWN_CAUSES: Readonly<Record<string, { cause: VerdictCause; detail: string }>> = {
  "guest-shutdown": { cause: "guest-shutdown", detail: "The guest powered itself off" },
  "guest-reset": { cause: "guest-reset", detail: "The guest reset itself, and QEMU ends at a reset" },
  "guest-panic": { cause: "guest-panic", detail: "The guest's kernel panicked" },
  "host-qmp-quit": { cause: "host-quit", detail: "QEMU was told to quit on a monitor" },
  "host-qmp-system-reset": {
    cause: "guest-reset",
    detail: "The guest was reset from a monitor, and QEMU ends at a reset",
  },
  "host-signal": { cause: "host-signal", detail: "QEMU was told to end by a signal" },
  "host-ui": { cause: "host-quit", detail: "QEMU was told to quit from its window" },
  "host-error": { cause: "internal-error", detail: "QEMU met an error and shut down" },
  "subsystem-reset": {
    cause: "guest-reset",
    detail: "A part of the guest was reset, and QEMU ends at a reset",
  },
  "snapshot-load": { cause: "guest-reset", detail: "A snapshot was loaded, and QEMU ends at a reset" },
};

/**
 * Decides why a process ended. Exit codes say almost nothing (QEMU exits with 0 after a power-off, a panic and
 * SIGTERM alike), so the events come first, then the signal, then the code.
 *
 * @param evidence All that is known.
 * @returns The verdict.
 */
export function judge(evidence: Evidence): Verdict {
  const { cause, detail, reason } = findCause(evidence);
  const tripleFault = reason === "guest-reset" && cause === "guest-reset" ? evidence.tripleFault : null;
  return {
    cause,
    detail: tripleFault === true ? `${detail} (a triple fault)` : detail,
    at: evidence.at,
    process: "ended",
    exit: evidence.exit,
    reason,
    tripleFault,
    intent: evidence.intent,
    rung: evidence.rung,
    stderrTail: evidence.stderrTail,
    events: evidence.events,
  };
}

/**
 * The verdict on a QEMU that never became ready.
 *
 * @param found What the failed launch left: its exit, if there was one, its words, and what was asked for meanwhile.
 * @returns The verdict; `killed`, `host-signal` and the like where a signal from outside ended it.
 */
export function judgeLaunch(
  found: { at: Date; detail: string; exit: ExitStatus | null; stderrTail: string; intent: Intent },
): Verdict {
  const signalled = found.exit?.signal != null;
  const finding: Finding = signalled
    ? fromExit({ ...found, debugExit: false })
    : { cause: "launch-failed", detail: found.detail, reason: null };
  const { at, exit, stderrTail, intent } = found;
  return {
    ...finding,
    at,
    process: "ended",
    exit,
    tripleFault: null,
    intent,
    rung: null,
    stderrTail,
    events: [],
  };
}

interface Finding {
  cause: VerdictCause;
  detail: string;
  reason: ShutdownCause | null;
}

function findCause(evidence: Evidence): Finding {
  const { events, exit, held, intent } = evidence;
  const shutdown = events.findLast((event) => event.event === "SHUTDOWN");
  const reason = typeof shutdown?.data?.reason === "string" ? shutdown.data.reason : null;
  // Held at its end and then cleared away by us: the guest's own end is the news, not how it was cleared away.
  if (held && intent !== "none") return { cause: held.cause, detail: held.detail, reason: held.reason };
  if (reason !== null) return fromShutdown(reason, events);
  const watchdog = watchdogAction(events);
  if (watchdog === "poweroff" && exit?.signal == null) {
    return {
      cause: "watchdog",
      detail: "The guest's watchdog fired, and QEMU's watchdog action is poweroff",
      reason,
    };
  }
  return fromExit(evidence);
}

function fromShutdown(reason: ShutdownCause, events: readonly AnyQmpEvent[]): Finding {
  const watchdog = watchdogAction(events);
  if (watchdog !== null && watchdogExplains(watchdog, reason)) {
    return { cause: "watchdog", detail: `The guest's watchdog fired, with the action ${watchdog}`, reason };
  }
  const known = SHUTDOWN_CAUSES[reason];
  if (known) return { ...known, reason };
  return {
    cause: "host-quit",
    detail: `QEMU shut down for a reason that is new to this library: ${reason}`,
    reason,
  };
}

function fromExit(evidence: Pick<Evidence, "exit" | "debugExit" | "intent">): Finding {
  const { exit, debugExit, intent } = evidence;
  if (exit === null) {
    return {
      cause: "lost",
      detail: "The monitor's connection ended without a word, and the process can't be asked",
      reason: null,
    };
  }
  if (exit.signal === null) {
    if (debugExit && exit.code % 2 === 1) {
      return {
        cause: "guest-shutdown",
        detail: `The guest ended QEMU through isa-debug-exit, with code ${exit.code}`,
        reason: null,
      };
    }
    if (exit.code === 0) {
      return { cause: "lost", detail: "QEMU exited with 0 and said nothing about why", reason: null };
    }
    return { cause: "crashed", detail: `QEMU gave up with exit code ${exit.code}`, reason: null };
  }
  if (CRASH_SIGNALS.has(exit.signal)) {
    return { cause: "crashed", detail: `QEMU crashed with ${exit.signal}`, reason: null };
  }
  if (STOP_SIGNALS.has(exit.signal)) {
    return {
      cause: "host-signal",
      detail: `QEMU was ended by ${exit.signal} before it could say so`,
      reason: null,
    };
  }
  const by = intent === "none" ? "by somebody else" : "by its owner";
  return { cause: "killed", detail: `QEMU was killed with ${exit.signal}, ${by}`, reason: null };
}

/** The action of a watchdog that fired after everything else that could have ended this life. */
export function watchdogAction(events: readonly AnyQmpEvent[]): string | null {
  const at = events.findLastIndex((event) => event.event === "WATCHDOG");
  if (at < 0) return null;
  // A reset or a resume in between means that the guest went on after it.
  const later = events.slice(at + 1);
  if (later.some((event) => event.event === "RESUME" || event.event === "RESET")) return null;
  const action = events[at]?.data?.action;
  return typeof action === "string" ? action : null;
}

/** With these actions a watchdog ends the guest by way of the event that follows; with the others it does nothing. */
function watchdogExplains(action: string, reason: ShutdownCause): boolean {
  return (action === "reset" && reason === "guest-reset") ||
    (action === "shutdown" && reason === "guest-shutdown") ||
    action === "poweroff";
}

/** An exit in words. */
export function describeExit(exit: ExitStatus | null): string {
  if (exit === null) return "its exit status is not known";
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/** The run states in which QEMU holds a guest after its end, and what each means. */
export const HELD_STATES: Readonly<Partial<Record<RunState, { cause: VerdictCause; detail: string }>>> = {
  "shutdown": { cause: "guest-shutdown", detail: "The guest powered itself off" },
  "guest-panicked": { cause: "guest-panic", detail: "The guest's kernel panicked" },
  "watchdog": { cause: "watchdog", detail: "The guest's watchdog fired" },
  "io-error": { cause: "io-error", detail: "A disk failed and QEMU holds the guest" },
  "internal-error": {
    cause: "internal-error",
    detail: "The accelerator met an error and QEMU holds the guest",
  },
};
