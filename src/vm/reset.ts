import type { QmpClient } from "../qmp/mod.ts";
import { HELD_STATES } from "./evidence.ts";
import type { ResetHabit } from "./resets.ts";
import type { VmCallOptions } from "./vm.ts";
import { inTime } from "./waiting.ts";

/** How long the firmware's repetition of a reset is waited for, in milliseconds; a guest that stays paused never repeats it. */
const REPEATED_RESET_MS = 2_000;
/**
 * How long it has to be quiet after a repetition before it was the last one: this, or twice as long as the first one took. They come 1 to 12 ms
 * after each other; a host that is busy holds QEMU up for longer.
 */
const QUIET_MS = 250;
/** More repetitions than any firmware was seen to make: what comes after so many is the guest's own. */
const MOST_REPETITIONS = 6;
/** How long QEMU may take to go back to holding reboots, in milliseconds. */
const PUT_BACK_MS = 5_000;

type Resets = AsyncIterator<unknown, unknown> & Disposable;

/** What is reset. */
export interface ResetTarget {
  qmp: QmpClient;
  /** `held`: QEMU holds reboots (`-action reboot=shutdown`), this one too unless that is lifted first. */
  reboots: "reset" | "held";
  resetHabit: ResetHabit;
  /** The RESET events from now on. */
  resets(): Resets;
}

/**
 * Resets the guest as its reset button would; one that is held at its end starts again.
 *
 * @param target What to reset.
 * @param options Signal and time limit of each command.
 */
export async function resetGuest(target: ResetTarget, options: VmCallOptions): Promise<void> {
  const { qmp } = target;
  const { status } = await qmp.execute("query-status", {}, options);
  const atItsEnd = HELD_STATES[status] !== undefined;
  const reset = async () => {
    await qmp.execute("system_reset", {}, options);
    if (atItsEnd) await qmp.execute("cont", {}, options);
  };
  if (target.reboots === "reset") return await reset();
  await qmp.execute("set-action", { reboot: "reset" }, options);
  try {
    using resets = target.resets();
    await reset();
    // The firmware's repetitions would be held as well.
    if (target.resetHabit === "repeats") await untilQuiet(resets, options.signal);
  } finally {
    await qmp.execute("set-action", { reboot: "shutdown" }, { timeoutMs: PUT_BACK_MS });
  }
}

/** Waits until the firmware has repeated a reset as often as it wants to. */
async function untilQuiet(resets: Resets, signal: AbortSignal | undefined): Promise<void> {
  await resets.next();
  const firstMs = performance.now();
  if (!await inTime(resets.next(), REPEATED_RESET_MS)) return;
  const quietMs = Math.max(QUIET_MS, 2 * (performance.now() - firstMs));
  for (let repetitions = 1; repetitions < MOST_REPETITIONS; repetitions++) {
    signal?.throwIfAborted();
    const next = resets.next();
    if (!await inTime(next, quietMs) || (await next).done) return;
  }
}
