/**
 * The ways to end a QEMU, from the kindest to the last: the guest's power button, its agent, QMP's `quit`, two signals.
 *
 * @example
 * ```ts
 * import { launch, type StopRung } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const rung: StopRung | null = (await vm.shutdown({ powerdownMs: 0, quitMs: 0 })).rung;
 * assertEquals(rung, "sigterm"); // the ones before it were left out
 * ```
 */
export type StopRung = "powerdown" | "agent" | "quit" | "sigterm" | "sigkill";

/**
 * How long each rung of the stop ladder may take, in milliseconds; 0 leaves the rung out, `Infinity` waits for as long as it takes.
 *
 * @example
 * ```ts
 * import { launch, type StopOptions } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const stop: StopOptions = { powerdownMs: 0, quitMs: 0, termMs: 0 };
 * await using vm = await launch({ machine: "none", accel: "tcg" }, { stop });
 * assertEquals((await vm.shutdown()).rung, "sigkill");
 * ```
 */
export interface StopOptions {
  /**
   * For the guest to obey its power button. Default 10000. QEMU is asked first whether the guest runs: one that does not answer is not given the
   * button, and is stopped 2 s later than the other budgets say.
   */
  powerdownMs?: number;
  /**
   * For a guest that did not obey its power button to obey its guest agent, where it has one. Default 5000. Where the power button is left
   * out, so is this.
   */
  agentMs?: number;
  /** For QEMU to obey `quit`. Default 3000. */
  quitMs?: number;
  /** For QEMU to obey SIGTERM. Default 1500. SIGKILL follows, and needs no budget. */
  termMs?: number;
}

/** One rung and its time. */
export interface RungBudget {
  rung: StopRung;
  ms: number;
}

/** What the ladder has to know about the guest. */
export interface StopSituation {
  /** `yes`: its CPUs run, so that it can see a power button; `no`: it is paused, held or not started; `unknown`: no answer. */
  guestRuns: "yes" | "no" | "unknown";
  /** Can a monitor be used at all? */
  monitor: "open" | "closed";
  /** Is there a channel to a guest agent? */
  agent: "there" | "none";
}

/** The budgets when nothing is said: for `shutdown()`. */
export const DEFAULT_STOP: Required<StopOptions> = {
  powerdownMs: 10_000,
  agentMs: 5_000,
  quitMs: 3_000,
  termMs: 1_500,
};

/** The budgets of disposing: no power button, and 5 s in all with room for SIGKILL to be noticed. */
export const DISPOSE_STOP: Required<StopOptions> = {
  powerdownMs: 0,
  agentMs: 0,
  quitMs: 2_000,
  termMs: 1_500,
};

/**
 * The rungs to climb, in order. A guest whose CPUs stand still can't obey its power button, and a monitor that is
 * gone can't be told to quit: those rungs are left out rather than waited for.
 *
 * @param options The budgets; what is missing comes from `defaults`.
 * @param situation What is known of the guest.
 * @param defaults The budgets when nothing is said.
 * @returns The rungs; the last one is always SIGKILL.
 * @throws {RangeError} When a budget is negative or not a number.
 */
export function stopLadder(
  options: StopOptions,
  situation: StopSituation,
  defaults: Required<StopOptions> = DEFAULT_STOP,
): readonly RungBudget[] {
  const budgets = { ...defaults, ...options };
  checkBudgets(budgets);
  const rungs: RungBudget[] = [];
  const monitor = situation.monitor === "open";
  if (budgets.powerdownMs > 0 && monitor && situation.guestRuns === "yes") {
    rungs.push({ rung: "powerdown", ms: budgets.powerdownMs });
    if (budgets.agentMs > 0 && situation.agent === "there") {
      rungs.push({ rung: "agent", ms: budgets.agentMs });
    }
  }
  if (budgets.quitMs > 0 && monitor) rungs.push({ rung: "quit", ms: budgets.quitMs });
  if (budgets.termMs > 0) rungs.push({ rung: "sigterm", ms: budgets.termMs });
  rungs.push({ rung: "sigkill", ms: Infinity });
  return rungs;
}

/**
 * Refuses budgets that are no times.
 *
 * @param budgets The budgets; what is missing is all right.
 * @throws {RangeError} When one is negative or not a number.
 */
export function checkBudgets({ powerdownMs = 0, agentMs = 0, quitMs = 0, termMs = 0 }: StopOptions): void {
  for (const [name, ms] of Object.entries({ powerdownMs, agentMs, quitMs, termMs })) {
    if (!(ms >= 0)) {
      throw new RangeError(`Cannot stop as '${name}' must be 0 or more milliseconds: current value is ${ms}`);
    }
  }
}
