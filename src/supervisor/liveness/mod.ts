/**
 * Whether guests are alive: QEMU by what it answers, the guest by its probes; and whether the host's clock jumped.
 *
 * @module
 */
export type { Liveness } from "./oracle.ts";
export type {
  AgentProbe,
  ConsoleProbe,
  Probe,
  ProbeChange,
  ProbeTiming,
  Readiness,
  TcpProbe,
  WholeProbe,
} from "./probe.ts";
export type {
  LivenessListener,
  LivenessWatchOptions,
  PatientOptions,
  Watched,
  WatchedLife,
} from "./watch.ts";
