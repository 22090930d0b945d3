import { isSameUuid } from "../machine/uuid.ts";
import type { Evidence } from "../vm/identity.ts";

/** What a supervisor remembers of a QEMU, to know it by. */
export interface RunIdentity {
  runDir: string;
  /** What `-uuid` says. */
  uuid: string;
  /** Null when its supervisor died before it knew. */
  pid: number | null;
  /** When the process started, as `/proc` has it. */
  startTime: string | null;
}

/**
 * Whose process is it: `adopt` ours; `gone`, ours is no more; `foreign`, another QEMU answers in its place; `unverifiable`. What is foreign or
 * unverifiable is neither adopted nor killed. `why` is for people.
 */
export type Adoption =
  /** Without signals where only QMP vouches for it: a pid alone may be anybody's. */
  | { kind: "adopt"; monitor: "answers" | "lost"; signals: "allowed" | "not-allowed" }
  | { kind: "gone"; why: string }
  | { kind: "foreign"; why: string }
  | { kind: "unverifiable"; why: string };

/**
 * Decides whether what was found is the QEMU that is remembered. Never by the pid alone: the process has to have the command line and the
 * start time that are remembered; where `/proc` may not be read, QEMU's own word over the socket in its private directory has to do.
 *
 * @param run What is remembered.
 * @param evidence What was found.
 * @returns The decision.
 */
export function decideAdoption(run: RunIdentity, evidence: Evidence): Adoption {
  const { process } = evidence;
  if (process === "not-permitted" || process === "none") return bySocket(run, evidence);
  // A zombie has ended; only its parent has not asked yet.
  if (process.state === "Z" || process.state === "X") return bySocket(run, evidence);
  const stranger = whyNotOurs(run, evidence, process);
  if (stranger !== null) {
    const found = bySocket(run, evidence);
    return found.kind === "gone" ? { kind: "gone", why: stranger } : found;
  }
  const monitor = evidence.socket === "answers" && isSameUuid(evidence.uuid, run.uuid) ? "answers" : "lost";
  return { kind: "adopt", monitor, signals: "allowed" };
}

/** Why a living process is not ours, or null when it is. */
function whyNotOurs(
  run: RunIdentity,
  { lockOwner }: Evidence,
  process: Exclude<Evidence["process"], string>,
): string | null {
  const { pid, startTime, argv } = process;
  if (run.startTime !== null && run.pid === pid && startTime !== run.startTime) {
    return `pid ${pid} belongs to a later process: it started at ${startTime}, QEMU at ${run.startTime}`;
  }
  const pidFile = argv.indexOf("-pidfile");
  if (pidFile < 0 || argv[pidFile + 1] !== `${run.runDir}/pid` || !argv.includes(run.uuid)) {
    return `pid ${pid} belongs to another process: its command line is not the guest's`;
  }
  if (lockOwner !== "not-permitted" && lockOwner !== null && lockOwner !== pid) {
    return `the lock of ${run.runDir}/pid is held by pid ${lockOwner}, not ${pid}`;
  }
  return null;
}

/** What the socket in the run directory says, where the process itself does not speak for us. */
function bySocket(run: RunIdentity, { process, socket, uuid, name }: Evidence): Adoption {
  switch (socket) {
    case "answers":
      if (isSameUuid(uuid, run.uuid)) return { kind: "adopt", monitor: "answers", signals: "not-allowed" };
      return {
        kind: "foreign",
        why: `${run.runDir}/control is answered by another QEMU (name ${name ?? "unknown"}, uuid ${
          uuid ?? "unknown"
        })`,
      };
    case "busy":
      return {
        kind: "unverifiable",
        why:
          `somebody else uses ${run.runDir}/control, and the process may not be looked at; end that connection`,
      };
    case "refused":
    case "missing":
      return {
        kind: "gone",
        why: process === "not-permitted"
          ? `nobody listens at ${run.runDir}/control`
          : `there is no process of it, and nobody listens at ${run.runDir}/control`,
      };
  }
}
