import { CRASH_POINTS, type CrashPoint } from "../../src/supervisor/store/mod.ts";
import { inTime, pause, untilNothingIsMissing } from "./bounded.ts";
import { deathAt } from "./fault_kinds.ts";
import { newLife, type Scene, type Step, step } from "./fault_script.ts";
import { reported, steal } from "./guest_faults.ts";
import type { Guest } from "./guests.ts";
import { SupervisorDied, type SupervisorProcess } from "./supervisor_process.ts";
import type { World } from "./world.ts";

/** How long after the others' beginning the supervisor dies at most, in milliseconds. */
const LATEST_MS = 250;
/** How often it comes by a point before it dies there, at most. */
const MOST_TIMES = 4;
/** By how much a clock jumps, in milliseconds. */
const JUMPS_MS: readonly number[] = [3_600_000, -3_600_000, 90_000, -5_000, 30 * 86_400_000];

/** What is done to the supervisor alone; its guests are to notice nothing. */
export const SUPERVISOR_FAULTS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "kill -9 of the supervisor": async ({ world, chance }) => {
    await pause(chance * LATEST_MS);
    await world.killSupervisor();
  },

  "supervisor leaves": async ({ world, chance }) => {
    await pause(chance * LATEST_MS);
    const supervisor = await world.supervisor();
    await supervisor.ask({ do: "close", vms: "leave" });
    await inTime("the end of a supervisor that leaves", supervisor.ended);
    await world.supervisor();
  },

  "a second supervisor": async ({ world }) => {
    const { pid } = await world.supervisor();
    const opened = await world.openSecond();
    if (opened.kind !== "refused") throw new Error(`A second supervisor was not refused: ${opened.kind}`);
    if (!opened.message.includes(`${pid}`)) {
      throw new Error(`It was not told that the first is process ${pid}: ${opened.message}`);
    }
  },

  ...Object.fromEntries(
    CRASH_POINTS.filter((point) => point.startsWith("adopt:")).map((point) => [
      deathAt(point),
      async ({ world }: Scene) => {
        const deaths = world.supervisors.length;
        world.doom(point);
        await world.killSupervisor();
        await untilNothingIsMissing(
          `the death at ${point}`,
          () => world.supervisors.length >= deaths + 2 ? null : "the supervisor after it",
        );
      },
    ]),
  ),
};

/** What is done to the supervisor by way of a guest, and what is to come of that guest. */
export const SHARED_FAULTS: Readonly<Record<string, (guest: Guest) => readonly Step[]>> = {
  ...Object.fromEntries(
    CRASH_POINTS.filter((point) => !point.startsWith("adopt:")).map((point) => [
      deathAt(point),
      () => [point.includes("remove") ? removal(point) : deathBy(point)],
    ]),
  ),

  "socket path stolen, supervisor killed": () => [
    step(newLife("ended unresponsive"), async (scene) => {
      const { world, guest, pid } = scene;
      using _thief = await steal(scene);
      const unreachable = await reported(scene, "unreachable");
      await world.killSupervisor();
      await unreachable();
      await world.untilUp(guest.name, pid);
    }),
  ],

  // What was told while the disk was full is missing in the journal, and the stream has it.
  "disk full": () => [
    step({ ...newLife(), maybe: ["ended killed"] }, async ({ world, guest, pid }) => {
      const supervisor = await world.supervisor();
      const told = () =>
        supervisor.reports.filter(({ vm, kind }) => vm === guest.name && kind === "ended").length;
      const before = told();
      const troubles = supervisor.log.length;
      await world.disk.fill(supervisor.pid, () => supervisor.ask({ do: "clear", name: guest.name }));
      try {
        kill(pid);
        await world.untilUp(guest.name, pid);
      } finally {
        await world.disk.empty(supervisor.pid);
      }
      if (world.disk.kind === "file system" && supervisor.log.length === troubles) {
        throw new Error("The disk was full, and nobody was told");
      }
      if (told() !== before + 1) throw new Error(`Its end was told ${told() - before} times`);
      // The next report has room, and brings the gap with it.
      await world.ask({ do: "clear", name: guest.name });
    }),
  ],

  "disk full, supervisor killed": () => [
    step({ ...newLife(), maybe: ["ended killed"] }, async ({ world, guest, pid }) => {
      const supervisor = await world.supervisor();
      await world.disk.fill(supervisor.pid, () => supervisor.ask({ do: "clear", name: guest.name }));
      try {
        kill(pid);
        await world.untilUp(guest.name, pid);
        supervisor.signal("SIGKILL");
        await inTime("the supervisor's death", supervisor.ended);
      } finally {
        await world.disk.empty(supervisor.pid);
      }
    }),
  ],

  "clock jumps": () => [
    step(newLife("ended killed"), async (scene) => {
      const { world, guest, pid, chance } = scene;
      const jumped = await reported(scene, "clock-jump");
      const byMs = JUMPS_MS[Math.floor(chance * JUMPS_MS.length)] ?? 0;
      await world.ask({ do: "jump", byMs });
      kill(pid);
      await world.untilUp(guest.name, pid);
      await jumped();
    }),
  ],
};

/** A guest is killed, and its supervisor dies as it sees to that. */
function deathBy(point: CrashPoint): Step {
  return step(newLife("ended killed"), async ({ world, guest, pid, chance }) => {
    const isLaunch = point.startsWith("launch:");
    const times = isLaunch || point.includes("rotate") ? 1 : 1 + Math.floor(chance * MOST_TIMES);
    const supervisor = await world.supervisor();
    await arm(supervisor, point, times);
    kill(pid);
    await outlive(world, supervisor.ended, async () => {
      // A launch is under way; all else needs more to write about.
      if (isLaunch) await pause(10);
      else await supervisor.ask({ do: "clear", name: guest.name });
    });
  });
}

/** A guest is removed, and its supervisor dies as it forgets it. It is added again. */
function removal(point: CrashPoint): Step {
  return step(newLife("ended host-quit"), async ({ world, guest }) => {
    const supervisor = await world.supervisor();
    await arm(supervisor, point, 1);
    await outlive(world, supervisor.ended, () => supervisor.ask({ do: "remove", name: guest.name }));
    const { guests } = await world.look();
    if (guests.some(({ name }) => name === guest.name)) {
      await world.insist({ do: "remove", name: guest.name });
    }
    await world.insist({ do: "add", spec: guest.spec });
  });
}

/** What happens to others may have it come by that point before it has answered. */
async function arm(supervisor: SupervisorProcess, point: CrashPoint, times: number): Promise<void> {
  try {
    await supervisor.ask({ do: "crash", point, times });
  } catch (error) {
    if (!(error instanceof SupervisorDied)) throw error;
  }
}

/** Does something again and again until the supervisor dies of it. */
async function outlive(world: World, ended: Promise<unknown>, act: () => Promise<unknown>): Promise<void> {
  let state: "alive" | "dead" = "alive";
  const dying = ended.then(() => state = "dead");
  const trying = (async () => {
    try {
      while (state === "alive") await act();
    } catch (error) {
      if (!(error instanceof SupervisorDied)) throw error;
    }
  })();
  await inTime("the supervisor's death", Promise.all([dying, trying]));
  await world.supervisor();
}

function kill(pid: number | null): void {
  if (pid === null) throw new Error("There is no QEMU to kill");
  Deno.kill(pid, "SIGKILL");
}
