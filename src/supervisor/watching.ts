import type { Vm } from "../vm/mod.ts";
import {
  checkProbes,
  type Liveness,
  type LivenessWatch,
  type ProbeChange,
  type Readiness,
  type Watched,
} from "./liveness/mod.ts";
import type { ReportBody } from "./report.ts";
import { noteLiveness, type StuckTold } from "./stuck.ts";
import type { Policy, SupervisedVm } from "./spec.ts";

/** What watching a guest needs, and tells. */
export interface WatchingHost {
  watch: LivenessWatch;
  /** What counts now. */
  policy(): Policy;
  note(body: ReportBody): void;
  /** It has not done what it should for as long as the policy has it. */
  stuck(liveness: Liveness, why: string): void;
  /** It does again. */
  unstuck(): void;
}

/** Watches over each life of one guest: reports how it is, and tells the policy when it is stuck. */
export class Watching {
  readonly #host: WatchingHost;
  #watched: Watched | null = null;
  #told: StuckTold = "no";
  /** Liveness probes that fail now, by their place in the spec. */
  readonly #failing = new Set<number>();

  /** @param host Who is told. */
  constructor(host: WatchingHost) {
    this.#host = host;
  }

  /** How QEMU answers; null while there is none. */
  get liveness(): Liveness | null {
    return this.#watched?.liveness ?? null;
  }

  /** Whether the guest does what it is for; `unknown` while there is none. */
  get readiness(): Readiness {
    return this.#watched?.readiness ?? "unknown";
  }

  /**
   * A life begins.
   *
   * @param vm The VM.
   * @param startTime When its process started, as `/proc` has it.
   * @param spec Its probes.
   */
  begin(vm: Vm, startTime: string | null, spec: Pick<SupervisedVm, "probes" | "config">): void {
    this.#told = "no";
    this.#failing.clear();
    this.#watched = this.#host.watch.add({
      vm,
      startTime,
      probes: checkProbes(spec.probes ?? [], spec.config),
    }, {
      changed: (liveness) => {
        // Its end is told by itself, with why.
        if (liveness.kind !== "gone") this.#host.note({ kind: "liveness", liveness });
        this.#look(liveness);
      },
      lasting: (liveness) => this.#look(liveness),
      probed: (change) => this.#probed(change),
      readied: (readiness) => this.#host.note({ kind: "readiness", readiness }),
    });
  }

  /** The guest was reset, at this moment of the wall clock in milliseconds: its probes begin anew, and what failed before counts no more. */
  begunAnew(atMs: number): void {
    const failed = this.#failing.size > 0;
    this.#failing.clear();
    this.#watched?.begunAnew(atMs);
    if (failed) this.#host.unstuck();
  }

  /** The life is over, or somebody else's. */
  async end(): Promise<void> {
    const watched = this.#watched;
    this.#watched = null;
    await watched?.[Symbol.asyncDispose]();
  }

  #look(liveness: Liveness): void {
    const { told, incident } = noteLiveness(this.#told, liveness, this.#host.policy().onStuck);
    this.#told = told;
    if (incident === "stuck") this.#host.stuck(liveness, "QEMU does not answer");
    if (incident === "unstuck") this.#host.unstuck();
  }

  #probed({ index, probe, result }: ProbeChange): void {
    this.#host.note({ kind: "probed", probe: `${probe.for} probe ${index} (${probe.kind})`, result });
    if (probe.for !== "liveness") return;
    const failedBefore = this.#failing.size > 0;
    if (result.kind === "failing") {
      this.#failing.add(index);
      if (!failedBefore) this.#host.stuck(this.liveness ?? { kind: "healthy" }, result.why);
    } else {
      this.#failing.delete(index);
      if (failedBefore && this.#failing.size === 0) this.#host.unstuck();
    }
  }
}
