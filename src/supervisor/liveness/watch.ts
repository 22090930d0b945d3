import type { Vm } from "../../vm/mod.ts";
import type { Liveness } from "./oracle.ts";
import type { ProbeChange, Readiness, WholeProbe } from "./probe.ts";

/** One life of a guest, to be watched. */
export interface WatchedLife {
  vm: Vm;
  /** When its process started, as `/proc` has it: a pid that went to another process is then not taken for it. */
  startTime?: string | null;
  /** Its probes, checked (`checkProbes`). */
  probes?: readonly WholeProbe[];
}

/** What is told of it. Each is called at once when it is known, and none after `Watched` was disposed of or told `gone`. */
export interface LivenessListener {
  /** Another word than before. The first one is `healthy`, and is not told. */
  changed(liveness: Liveness): void;
  /** Still the same trouble, with its `forMs`: once a second, and when `alertMs` is reached. */
  lasting?(liveness: Liveness): void;
  /** A probe began to pass, or to fail. */
  probed?(change: ProbeChange): void;
  /** Its readiness probes say something else than before. Without any, none is told. */
  readied?(readiness: Readiness): void;
}

/** How long something may take that only goes on while QEMU does. */
export interface PatientOptions {
  /** How long it may take, not counting the time in which QEMU is busy. */
  timeoutMs: number;
  /** How long it may take in all. Default: ten times `timeoutMs`. */
  capMs?: number;
  signal?: AbortSignal;
}

/** A guest that is watched. Dispose of it when its life is over, or is another's; it ends by itself with `vm.stopped`. */
export interface Watched extends AsyncDisposable {
  /** The last word, `forMs` as of now. */
  readonly liveness: Liveness;
  /** What `query-status` last said; null before the first round. */
  readonly runState: string | null;
  /** Whether it does what it is for. Without readiness probes: `ready`. */
  readonly readiness: Readiness;
  /** Looks now, and tells what it finds. */
  check(options?: { signal?: AbortSignal }): Promise<Liveness>;
  /** Does something with a deadline that is not counted down while QEMU is busy. */
  patiently<T>(action: (signal: AbortSignal) => Promise<T>, options: PatientOptions): Promise<T>;
}

/** What a watch is made with. */
export interface LivenessWatchOptions {
  /** The clocks of this machine drifted apart by so much: it was suspended, or somebody set the clock. Told once for each time. */
  clockJumped?: (byMs: number) => void;
}
