import { assertEquals, assertRejects } from "@std/assert";
import { climb, type StopTarget } from "../../../src/vm/stop.ts";
import type { StopRung } from "../../../src/vm/stop_ladder.ts";

/** How long a rung has here. */
const MS = 5;
const BUDGETS = { powerdownMs: MS, agentMs: MS, quitMs: MS, termMs: MS };
/** Long enough for a rung that works: only a failing test waits for it. */
const WORKS_MS = 30_000;

/** A QEMU that ends at one rung, or never. */
interface Manners {
  status?: "running" | "paused" | "no answer";
  endsAt?: StopRung;
  /** The guest powers itself off, and QEMU holds it. */
  holdsAt?: StopRung;
  monitor?: "open" | "closed";
  attached?: boolean;
  /** What the guest's agent does when it is told to power off; none without. */
  agent?: "obeys" | "refuses" | "is silent";
}

/** Climbs, and tells what QEMU was told and which rungs were reported. */
async function stop(manners: Manners, budgets: Partial<typeof BUDGETS> = {}) {
  const { status = "running", endsAt, holdsAt, monitor = "open", attached = false, agent } = manners;
  const told: string[] = [];
  const reported: StopRung[] = [];
  const pending = new Set<string>();
  const stopped = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let isHeld = status === "paused" && holdsAt !== undefined;
  const obey = (rung: StopRung) => {
    if (rung === holdsAt) {
      isHeld = true;
      held.resolve();
    }
    if (rung === endsAt) stopped.resolve();
  };
  const execute = (
    command: string,
    _args?: object,
    options: { signal?: AbortSignal } = {},
  ): Promise<unknown> => {
    told.push(command);
    if (command === "query-status") {
      if (status === "no answer") return Promise.reject(new Error("no answer"));
      return Promise.resolve({ running: status === "running", status });
    }
    obey(command === "quit" ? "quit" : "powerdown");
    // It never answers: whoever asked has to give up.
    pending.add(command);
    const { promise, reject } = Promise.withResolvers<unknown>();
    options.signal?.addEventListener("abort", () => {
      pending.delete(command);
      reject(options.signal?.reason);
    });
    return promise;
  };
  const signal = (name: Deno.Signal) => {
    told.push(name);
    obey(name === "SIGTERM" ? "sigterm" : "sigkill");
  };
  const target: StopTarget = {
    name: "web",
    qmp: { open: monitor === "open", execute: execute as StopTarget["qmp"]["execute"] },
    process: attached ? null : { signal },
    agentShutdown: agent === undefined ? null : (signal) => {
      told.push("guest-shutdown");
      if (agent === "refuses") return Promise.reject(new Error("no"));
      if (agent === "obeys") obey("agent");
      pending.add("guest-shutdown");
      const { promise, reject } = Promise.withResolvers<unknown>();
      signal.addEventListener("abort", () => {
        pending.delete("guest-shutdown");
        reject(signal.reason);
      });
      return promise;
    },
    stopped: stopped.promise,
    held: held.promise,
    isHeld: () => isHeld,
    climbing: (rung) => reported.push(rung),
  };
  const error = await climb({ ...BUDGETS, ...budgets }, target).then(() => null, (reason: unknown) => reason);
  assertEquals([...pending], [], "a command was left waiting");
  return { told, reported, error };
}

Deno.test("climb() stops at the rung that works, and that is the last one it reports", async (t) => {
  const rungs: [StopRung, string][] = [
    ["powerdown", "system_powerdown"],
    ["quit", "quit"],
    ["sigterm", "SIGTERM"],
    ["sigkill", "SIGKILL"],
  ];
  for (const [index, [endsAt]] of rungs.entries()) {
    await t.step(endsAt, async () => {
      const budget = {
        powerdown: "powerdownMs",
        agent: "agentMs",
        quit: "quitMs",
        sigterm: "termMs",
        sigkill: "termMs",
      }[endsAt];
      const { told, reported, error } = await stop(
        { endsAt },
        endsAt === "sigkill" ? {} : { [budget]: WORKS_MS },
      );
      assertEquals(told, ["query-status", ...rungs.slice(0, index + 1).map(([, command]) => command)]);
      assertEquals(reported.at(-1), endsAt);
      assertEquals(error, null);
    });
  }
});

Deno.test("climb() clears a guest away that QEMU holds after its power-off; the power button is what worked", async () => {
  const { told, reported } = await stop({ holdsAt: "powerdown", endsAt: "quit" }, {
    powerdownMs: WORKS_MS,
    agentMs: WORKS_MS,
    quitMs: WORKS_MS,
  });
  assertEquals(told, ["query-status", "system_powerdown", "quit"]);
  assertEquals(reported, ["powerdown"]);
});

Deno.test("climb() asks the agent of a guest that does not obey its power button", async () => {
  const { told, reported } = await stop({ agent: "obeys", endsAt: "agent" }, { agentMs: WORKS_MS });
  assertEquals(told, ["query-status", "system_powerdown", "guest-shutdown"]);
  assertEquals(reported, ["powerdown", "agent"]);
});

Deno.test("climb() does not wait for an agent that can't be asked, and no longer than allowed for one that is silent", async () => {
  for (const agent of ["refuses", "is silent"] as const) {
    const budgets = agent === "refuses" ? { agentMs: WORKS_MS } : {};
    const { told, reported } = await stop({ agent, endsAt: "quit" }, { ...budgets, quitMs: WORKS_MS });
    assertEquals(told, ["query-status", "system_powerdown", "guest-shutdown", "quit"]);
    assertEquals(reported, ["powerdown", "agent", "quit"]);
  }
});

Deno.test("climb() leaves the agent alone once the guest has powered itself off and is held", async () => {
  const { told, reported } = await stop({ agent: "obeys", holdsAt: "powerdown", endsAt: "quit" }, {
    powerdownMs: WORKS_MS,
    agentMs: WORKS_MS,
    quitMs: WORKS_MS,
  });
  assertEquals(told, ["query-status", "system_powerdown", "quit"]);
  assertEquals(reported, ["powerdown"]);
});

Deno.test("climb() reports `quit` for a guest that was held before", async () => {
  const { told, reported } = await stop({ status: "paused", holdsAt: "sigkill", endsAt: "quit" }, {
    quitMs: WORKS_MS,
  });
  assertEquals(told, ["query-status", "quit"]);
  assertEquals(reported, ["quit"]);
});

Deno.test("climb() does not press the power button of a guest that can't see it", async () => {
  for (const status of ["paused", "no answer"] as const) {
    const { told } = await stop({ status, endsAt: "quit" }, { quitMs: WORKS_MS });
    assertEquals(told, ["query-status", "quit"]);
  }
});

Deno.test("climb() asks nothing when no power button is wanted, and sends signals when there is no monitor", async () => {
  assertEquals((await stop({ endsAt: "quit" }, { powerdownMs: 0, quitMs: WORKS_MS })).told, ["quit"]);
  const { told } = await stop({ monitor: "closed", endsAt: "sigterm" }, { powerdownMs: 0, termMs: WORKS_MS });
  assertEquals(told, ["SIGTERM"]);
});

Deno.test("climb() rejects when an attached QEMU obeys neither power button nor quit", async () => {
  const { told, error } = await stop({ attached: true });
  assertEquals(told, ["query-status", "system_powerdown", "quit"]);
  await assertRejects(() => Promise.reject(error), Error, 'Cannot stop VM "web": QEMU obeyed neither');
});
