import { delay } from "@std/async/delay";
import type { AnyQmpEvent, Logger } from "../qmp/mod.ts";
import { readStartTime } from "../vm/proc.ts";
import type { Verdict, Vm } from "../vm/mod.ts";
import type { GuestNow } from "./incident.ts";
import { recall } from "./recall.ts";
import { noCrash, type RunRecord } from "./store/mod.ts";
import type { Told } from "./told.ts";

/** Between two looks, in milliseconds. */
const LOOK_MS = 250;

/** What became of it. */
export type SilentOutcome =
  | {
    kind: "answers";
    vm: Vm;
    guest: GuestNow;
    end: "told" | "untold";
    told: Told;
    again: readonly AnyQmpEvent[];
  }
  | { kind: "gone"; verdict: Verdict }
  | { kind: "left" };

/** A QEMU that is proven to be ours and does not answer: it is looked at until it does, or is gone. */
export class SilentQemu {
  /** Never rejects. */
  readonly outcome: Promise<SilentOutcome>;
  readonly #run: RunRecord;
  readonly #pid: number;
  readonly #told: () => Told;
  readonly #logger: Logger;
  readonly #startTime: string | null;
  readonly #leaving = new AbortController();
  #intent: "none" | "stop" = "none";

  /**
   * @param run What was written down of it.
   * @param pid Its process.
   * @param told How far what it said was reported, by the time that it is looked at.
   * @param logger Told what goes wrong.
   */
  constructor(run: RunRecord, pid: number, told: () => Told, logger: Logger) {
    this.#run = run;
    this.#pid = pid;
    this.#told = told;
    this.#logger = logger;
    // It was proven to be ours just now.
    this.#startTime = run.startTime ?? readStartTime(pid);
    this.outcome = this.#watch();
  }

  /** Ends it, unless its pid is another process's by now. */
  kill(): void {
    this.#intent = "stop";
    try {
      const startTime = readStartTime(this.#pid);
      if (startTime !== null && startTime === this.#startTime) Deno.kill(this.#pid, "SIGKILL");
    } catch (error) {
      this.#logger.error("Can't end a QEMU that does not answer", { pid: this.#pid, error });
    }
  }

  /** Looks no more, and lets it be. */
  leave(): void {
    this.#leaving.abort();
  }

  async #watch(): Promise<SilentOutcome> {
    const { signal } = this.#leaving;
    const running = new Map([[`${this.#run.runDir}/pid`, this.#pid]]);
    while (!signal.aborted) {
      try {
        await delay(LOOK_MS, { signal });
        const told = this.#told();
        const { found, vm, end, again } = await recall(this.#run, {
          running,
          logger: this.#logger,
          intent: this.#intent,
          told,
          crash: noCrash,
        });
        if (vm !== null) {
          const guest = found.kind === "held" || found.kind === "prelaunch" ? found.kind : "running";
          return { kind: "answers", vm, guest, end, told, again };
        }
        if (found.kind === "gone" && found.verdict !== null) return { kind: "gone", verdict: found.verdict };
      } catch (error) {
        if (!signal.aborted) this.#logger.debug("A QEMU that does not answer can't be looked at", { error });
      }
    }
    return { kind: "left" };
  }
}
