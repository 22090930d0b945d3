import type { AnyQmpEvent, Open, ShutdownCause } from "../qmp/mod.ts";
import { finalShutdown, watchdogAction } from "./evidence.ts";
import type { StopRung } from "./stop_ladder.ts";
import type { ExitStatus, Intent, TripleFault, Verdict, VerdictCause } from "./verdict_types.ts";

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
  /** Whether the kernel killed it for want of memory. */
  oomKill: boolean | "unknown";
  /** The end of what the guest said. */
  consoleTail: string;
  /** What ended, as far as it was seen: the process itself, or only the monitor's connection. */
  seen: "process" | "connection";
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
  const cleared = isClearedAway(evidence);
  const tripleFault = cause !== "guest-reset" || reason !== "guest-reset"
    ? null
    : cleared
    ? evidence.held?.tripleFault ?? null
    : evidence.tripleFault;
  return {
    cause,
    // An end at which the guest was held has said so already.
    detail: tripleFault === true && !cleared ? `${detail} (a triple fault)` : detail,
    at: evidence.at,
    process: "ended",
    exit: evidence.exit,
    reason,
    tripleFault,
    oomKill: oomKillOf(cause, evidence),
    intent: evidence.intent,
    rung: evidence.rung,
    stderrTail: evidence.stderrTail,
    consoleTail: evidence.consoleTail,
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
  const signalled = (found.exit?.signal ?? null) !== null;
  const ended: ExitEvidence = { ...found, debugExit: false, oomKill: "unknown", seen: "process" };
  const finding: Finding = signalled
    ? fromExit(ended)
    : { cause: "launch-failed", detail: found.detail, reason: null };
  const { at, exit, stderrTail, intent } = found;
  return {
    ...finding,
    at,
    process: "ended",
    exit,
    tripleFault: null,
    oomKill: oomKillOf(finding.cause, ended),
    intent,
    rung: null,
    stderrTail,
    consoleTail: "",
    events: [],
  };
}

/**
 * The verdict on a QEMU that was let go of while it ran.
 *
 * @param at Now.
 * @param events The last events, oldest first.
 * @returns The verdict: nothing has ended, and what becomes of it is not known here.
 */
export function judgeRelease(at: Date, events: readonly AnyQmpEvent[]): Verdict {
  return {
    cause: "lost",
    detail: "QEMU was let go of and left running; what becomes of it is not known here",
    at,
    process: "running",
    exit: null,
    reason: null,
    tripleFault: null,
    oomKill: null,
    intent: "none",
    rung: null,
    stderrTail: "",
    consoleTail: "",
    events,
  };
}

interface Finding {
  cause: VerdictCause;
  detail: string;
  reason: Open<ShutdownCause> | null;
}

/** Held at its end and then cleared away by its owner: the guest's own end is the news, not how it was cleared away. */
function isClearedAway({ held, intent }: Evidence): boolean {
  return held !== null && intent !== "none";
}

function findCause(evidence: Evidence): Finding {
  const { held } = evidence;
  if (held === null) return whatEndedQemu(evidence);
  if (isClearedAway(evidence)) return { cause: held.cause, detail: held.detail, reason: held.reason };
  const found = whatEndedQemu(evidence);
  return { ...found, detail: `${found.detail}; until then QEMU held the guest at its end (${held.cause})` };
}

function whatEndedQemu(evidence: Evidence): Finding {
  const { events, exit } = evidence;
  const reason = finalShutdown(events);
  if (reason === "guest-shutdown" && isDebugExit(evidence)) return { ...fromExit(evidence), reason };
  if (reason !== null) return fromShutdown(reason, events);
  const watchdog = watchdogAction(events);
  if (watchdog === "poweroff" && (exit?.signal ?? null) === null) {
    return {
      cause: "watchdog",
      detail: "The guest's watchdog fired, and QEMU's watchdog action is poweroff",
      reason,
    };
  }
  return fromExit(evidence);
}

function fromShutdown(reason: Open<ShutdownCause>, events: readonly AnyQmpEvent[]): Finding {
  const watchdog = watchdogAction(events);
  if (watchdog !== null && watchdogExplains(watchdog, reason)) {
    return { cause: "watchdog", detail: `The guest's watchdog fired, with the action ${watchdog}`, reason };
  }
  const known = SHUTDOWN_CAUSES[reason];
  if (known) return { ...known, reason };
  // Named for the side that it came from, as far as the name tells.
  const cause = reason.startsWith("guest-") ? "guest-shutdown" : "host-quit";
  return { cause, detail: `QEMU shut down for a reason that is new to this library: ${reason}`, reason };
}

/** What the process itself tells. */
type ExitEvidence = Pick<Evidence, "exit" | "debugExit" | "intent" | "stderrTail" | "oomKill" | "seen"> & {
  rung?: StopRung | null;
};

/** Its code is odd then; 1 is also how QEMU gives up, which it never does without a word. */
function isDebugExit({ exit, debugExit, stderrTail }: ExitEvidence): boolean {
  if (!debugExit || exit === null || exit.signal !== null || exit.code % 2 !== 1) return false;
  return exit.code !== 1 || stderrTail.trim() === "";
}

function fromExit(evidence: ExitEvidence): Finding {
  const { exit } = evidence;
  if (exit === null) return fromSilence(evidence);
  if (exit.signal === null) {
    if (isDebugExit(evidence)) {
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
  if (exit.signal === "SIGSYS") {
    return {
      cause: "crashed",
      detail: "QEMU was ended by its own sandbox (SIGSYS): it tried what the config's sandbox denies",
      reason: null,
    };
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
  const killer = killerOf(evidence);
  return {
    cause: "killed",
    detail: killer === "kernel" && exit.signal === "SIGKILL"
      ? OOM_KILLED
      : `QEMU was killed with ${exit.signal}, ${killer === "owner" ? "by its owner" : "by somebody else"}`,
    reason: null,
  };
}

/** It is gone without a word, and without an exit status: an orphan's can't be had, nor that of a process which somebody else started. */
function fromSilence(evidence: ExitEvidence): Finding {
  const { seen, stderrTail } = evidence;
  if (seen === "connection") {
    return {
      cause: "lost",
      detail: "The monitor's connection ended without a word, and the process can't be asked",
      reason: null,
    };
  }
  switch (killerOf(evidence)) {
    case "owner":
      return { cause: "killed", detail: "QEMU was killed with SIGKILL, by its owner", reason: null };
    case "kernel":
      return { cause: "killed", detail: OOM_KILLED, reason: null };
  }
  const lastWords = ABORTING.exec(stderrTail)?.[0].trim();
  if (lastWords !== undefined) {
    return { cause: "crashed", detail: `QEMU aborted: ${lastWords}`, reason: null };
  }
  return {
    cause: "lost",
    detail: "QEMU was killed or crashed: it is gone without a word, and its exit status can't be known",
    reason: null,
  };
}

const OOM_KILLED = "QEMU was killed by the kernel, because memory was short";

/** The words with which a program gives itself up, on lines of their own at the end. */
const ABORTING = /^.*(?:\bassertion\b.*\bfailed\b|\bassertion failed\b|hardware error|Bail out!).*$/im;

/** Whose SIGKILL it was. A launch that failed has no rung: whatever it was asked to do, it was asked here. */
function killerOf({ intent, rung = "sigkill", oomKill }: ExitEvidence): "owner" | "kernel" | "unknown" {
  if (intent !== "none" && rung === "sigkill") return "owner";
  return oomKill === true ? "kernel" : "unknown";
}

/** Only where a SIGKILL may have been the end is there anything to say. */
function oomKillOf(cause: VerdictCause, evidence: ExitEvidence): Verdict["oomKill"] {
  const { exit, oomKill } = evidence;
  if (cause === "lost") return exit === null ? oomKill : null;
  if (cause !== "killed") return null;
  const kernels = exit === null || exit.signal === "SIGKILL";
  return kernels && killerOf(evidence) !== "owner" ? oomKill : false;
}

/** With these actions a watchdog ends the guest by way of the event that follows; with the others it does nothing. */
function watchdogExplains(action: string, reason: Open<ShutdownCause>): boolean {
  return (action === "reset" && reason === "guest-reset") ||
    (action === "shutdown" && reason === "guest-shutdown") ||
    action === "poweroff";
}
