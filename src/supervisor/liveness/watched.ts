import type { Vm } from "../../vm/mod.ts";
import type { Liveness } from "./oracle.ts";
import type { ProbeChange, Readiness, WholeProbe } from "./probe.ts";

/** One life of a guest, to be watched. */
export interface WatchedLife {
  vm: Vm;
  /** When its process started, as `/proc` has it: a pid that went to another process is then not taken for it. */
  startTime?: string | null;
  /** Its probes, from `checkProbes`. */
  probes?: readonly WholeProbe[];
}

/** What is told of it. Each is called when it is known, and none after `gone` was told, or its `Watched` was disposed of. */
export interface LivenessListener {
  /** Another word than before. It begins as `healthy`, which is not told. */
  changed(liveness: Liveness): void;
  /** Still the same trouble: once a second, with its `forMs`. */
  lasting?(liveness: Liveness): void;
  /** A probe began to pass, or to fail. */
  probed?(change: ProbeChange): void;
  /** Its readiness probes say something else than before. It begins as `unknown`, or where there are none as `ready`; that is not told. */
  readied?(readiness: Readiness): void;
}

/** How long something may take that needs QEMU's answers. */
export interface PatientOptions {
  /** How long, in milliseconds, the time not counted in which QEMU is busy. */
  timeoutMs: number;
  /** How long in all, in milliseconds. Default: ten times `timeoutMs`. */
  capMs?: number;
  signal?: AbortSignal;
}

/** A guest that is watched, until its life is over or this is disposed of. */
export interface Watched extends AsyncDisposable {
  /** The last word, with `forMs` as it was then. */
  readonly liveness: Liveness;
  /** What `query-status` said last; null before the first time. */
  readonly runState: string | null;
  /** Whether the guest does what it is for; `ready` where no probe tells. */
  readonly readiness: Readiness;
  /**
   * Looks now, and tells what it finds as ever.
   *
   * @param options Signal: stops waiting.
   * @returns The word, after 2 s at most; where QEMU can't be asked and its process not be looked at, the last one.
   */
  check(options?: { signal?: AbortSignal }): Promise<Liveness>;
  /**
   * Does something that needs QEMU's answers, with a deadline that stands while QEMU is busy.
   *
   * @param action What to do. Its signal is aborted when the time is over.
   * @param options How long it may take.
   * @returns What the action returns.
   * @throws {NoAnswerError} When the time is over, or QEMU gone; else what the action throws.
   */
  patiently<T>(action: (signal: AbortSignal) => Promise<T>, options: PatientOptions): Promise<T>;
  /**
   * The guest began anew in the same QEMU: so do its probes.
   *
   * @param atMs When, in milliseconds of the wall clock.
   */
  begunAnew(atMs: number): void;
}
