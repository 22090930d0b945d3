/**
 * Whether guests are alive: QEMU by what it answers, the guest by its probes; and whether the host's clock jumped.
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
