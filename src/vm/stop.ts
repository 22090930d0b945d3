import type { QmpClient } from "../qmp/mod.ts";
import type { QemuProcess } from "./qemu_process.ts";
import { stopLadder, type StopOptions, type StopRung, type StopSituation } from "./stop_ladder.ts";
import { inTime } from "./waiting.ts";

/** How long the question whether the guest runs may take, in milliseconds: a guest on a busy host is not to lose its power button for it. */
const SITUATION_MS = 2_000;

/** What is being stopped. */
export interface StopTarget {
  name: string;
  qmp: Pick<QmpClient, "execute" | "open">;
  /** Null where no signals can be sent: when attached, or not sure whose process it is. */
  process: Pick<QemuProcess, "signal"> | null;
  /** Has the guest agent power the guest off; rejects when it can't. Null where there is none. */
  agentShutdown: ((signal: AbortSignal) => Promise<unknown>) | null;
  /** Resolves when it is gone. */
  stopped: Promise<unknown>;
  /** Resolves when the guest has ended and QEMU holds it. */
  held: Promise<void>;
  isHeld: () => boolean;
  /** Told which rung is being tried. */
  climbing: (rung: StopRung) => void;
}

/**
 * Climbs the stop ladder until QEMU is gone.
 *
 * @param budgets The time of each rung.
 * @param target What to stop.
 * @throws {Error} When no signals can be sent and QEMU obeys neither power button nor `quit`.
 */
export async function climb(budgets: Required<StopOptions>, target: StopTarget): Promise<void> {
  const situation = await look(budgets, target);
  for (const { rung, ms } of stopLadder(budgets, situation)) {
    if (target.process === null && (rung === "sigterm" || rung === "sigkill")) break;
    // Once the guest has ended by itself, or QEMU is about to, `quit` only clears it away: the rung that worked was the one before.
    const ends = target.isHeld() || !target.qmp.open;
    const clearsAway = rung === "quit" && ends && situation.guestRuns === "yes";
    if (rung === "agent" && target.isHeld()) continue;
    if (!clearsAway) target.climbing(rung);
    const byGuest = rung === "powerdown" || rung === "agent";
    const ended = byGuest ? Promise.race([target.stopped, target.held]) : target.stopped;
    if (await tryRung(rung, ms, ended, target)) {
      if (!byGuest || !target.isHeld()) return;
    }
  }
  if (target.process === null) {
    throw new Error(
      `Cannot stop VM "${target.name}": QEMU obeyed neither its power button nor quit in the time they had, and ` +
        "its process can't be ended from here",
    );
  }
}

async function look(budgets: StopOptions, target: StopTarget): Promise<StopSituation> {
  // Only what asks the guest wants to know.
  const agent = target.agentShutdown === null ? "none" : "there";
  const unknown = (): StopSituation => ({
    guestRuns: "unknown",
    monitor: target.qmp.open ? "open" : "closed",
    agent,
  });
  if (!budgets.powerdownMs) return unknown();
  try {
    const { running } = await target.qmp.execute("query-status", {}, { timeoutMs: SITUATION_MS });
    return { guestRuns: running ? "yes" : "no", monitor: "open", agent };
  } catch {
    return unknown();
  }
}

/** Did it end within its time? What the action itself answers does not count: a QEMU that ends under `quit` answers or not. */
async function tryRung(
  rung: StopRung,
  ms: number,
  ended: Promise<unknown>,
  target: StopTarget,
): Promise<boolean> {
  const over = new AbortController();
  let act: "under way" | "done" = "under way";
  const acting = perform(rung, target, over.signal).finally(() => act = "done");
  acting.catch(() => {});
  // An agent that is not there, or that refuses, need not be waited for.
  const refused = rung === "agent" ? acting.then(() => ended) : ended;
  try {
    return await inTime(Promise.race([ended, refused]), ms);
  } catch {
    return false;
  } finally {
    // The first abort of a script costs 0.4 ms, and mostly there is nothing left to give up.
    if (act === "under way") over.abort();
    await acting.catch(() => {});
  }
}

async function perform(rung: StopRung, target: StopTarget, signal: AbortSignal): Promise<void> {
  switch (rung) {
    case "powerdown":
      await target.qmp.execute("system_powerdown", {}, { signal });
      return;
    case "agent":
      await target.agentShutdown?.(signal);
      return;
    case "quit":
      await target.qmp.execute("quit", {}, { signal });
      return;
    case "sigterm":
      target.process?.signal("SIGTERM");
      return;
    case "sigkill":
      target.process?.signal("SIGKILL");
      return;
  }
}
