/**
 * Whether guests are alive: QEMU by what it answers, the guest itself by its probes; and whether the host's clock jumped.
 *
 * Design: one timer for all guests (`watch.ts`), since waking up is what costs. A round is one ordinary command to each guest; a QEMU that
 * answers it is healthy. Only one that does not within a second is asked out of band as well, and its process is looked at, every second until
 * it answers. What follows from all that is decided in `oracle.ts`; the other files that decide and do nothing else are `rhythm.ts` (when),
 * `clock_jump.ts`, `answer_clock.ts` (deadlines that stand while QEMU is busy), `probe_state.ts` and `check_probes.ts`.
 *
 * At most one question of a kind is under way, however long its answer takes, so a QEMU that is stopped for a day has two to answer.
 *
 * @module
 */
export { checkProbes } from "./check_probes.ts";
export { NoAnswerError } from "./errors.ts";
export type { Liveness } from "./oracle.ts";
export type {
  AgentProbe,
  ConsoleProbe,
  Probe,
  ProbeChange,
  ProbeResult,
  ProbeTiming,
  Readiness,
  TcpProbe,
  TextPattern,
  WholeProbe,
} from "./probe.ts";
export { LivenessWatch, type LivenessWatchOptions } from "./watch.ts";
export type { LivenessListener, PatientOptions, Watched, WatchedLife } from "./watched.ts";
