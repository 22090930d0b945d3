import { pause, untilNothingIsMissing } from "./bounded.ts";
import { countKind } from "./ends_told.ts";
import {
  down,
  type GuestScene,
  held,
  newLife,
  sameLife,
  startByHand,
  startHeld,
  type Step,
  step,
  UNTOUCHED,
} from "./fault_script.ts";
import { COMMANDS } from "./guest_code.ts";
import { BAD_SECTOR, type Guest, LIMITED_RESTARTS } from "./guests.ts";
import { blockMainLoop, command, StolenSockets, visitMonitors } from "./strangers.ts";

/** How long a fault lasts that nobody is to notice, in milliseconds. */
const BRIEF_MS = { least: 50, most: 450 };
/** How long a stop and a kill may be apart, in milliseconds. */
const APART_MS = 30;

/** What is done to a guest, and what is to come of it, by the name of the fault. */
export const GUEST_FAULTS: Readonly<Record<string, (guest: Guest) => readonly Step[]>> = {
  "kill -9 of QEMU": () => [step(newLife("ended killed"), (scene) => signal(scene, "SIGKILL"))],

  "SIGSTOP, then SIGCONT": () => [
    step(UNTOUCHED, async (scene) => {
      await signal(scene, "SIGSTOP");
      await pause(briefMs(scene));
      await signal(scene, "SIGCONT");
    }),
  ],

  "SIGSTOP until it is noticed": ({ profile }) => [
    profile === "renew"
      ? step(newLife("ended unresponsive"), (scene) => signal(scene, "SIGSTOP"))
      : step(UNTOUCHED, async (scene) => {
        const unstuck = await reported(scene, "unstuck");
        const stuck = await reported(scene, "stuck");
        await signal(scene, "SIGSTOP");
        await stuck();
        await signal(scene, "SIGCONT");
        await unstuck();
      }),
  ],

  "main loop blocked": () => [
    step(UNTOUCHED, async (scene) => {
      const release = await blockMainLoop(scene.guest);
      await pause(briefMs(scene));
      await release();
    }),
  ],

  "main loop blocked until it is noticed": ({ profile }) => [
    profile === "renew"
      ? step(newLife("ended unresponsive"), async (scene) => {
        const stuck = await reported(scene, "stuck");
        const release = await blockMainLoop(scene.guest);
        await stuck();
        await scene.world.untilUp(scene.guest.name, scene.pid);
        await release();
      })
      : step(UNTOUCHED, async (scene) => {
        const unstuck = await reported(scene, "unstuck");
        const stuck = await reported(scene, "stuck");
        const release = await blockMainLoop(scene.guest);
        await stuck();
        await release();
        await unstuck();
      }),
  ],

  "guest panics": ({ profile }) => {
    const panic = ({ guest }: GuestScene) => command(guest, COMMANDS.panic);
    switch (profile) {
      case "in-place":
      case "dump":
        return [step(sameLife("guest-ended guest-panic"), panic)];
      case "keep":
        return [step(held("guest-ended guest-panic"), panic), startHeld("guest-panic")];
      default:
        return [step(newLife(...clearedAway("guest-panic")), panic)];
    }
  },

  "guest powers off": ({ profile }) => {
    const powerOff = ({ guest }: GuestScene) => command(guest, COMMANDS.powerOff);
    switch (profile) {
      case "in-place":
        return [step(sameLife("guest-ended guest-shutdown"), powerOff)];
      case "keep":
        return [step(down(...clearedAway("guest-shutdown")), powerOff), startByHand];
      default:
        return [step(newLife(...clearedAway("guest-shutdown")), powerOff)];
    }
  },

  "guest resets": ({ profile }) => {
    const reset = ({ guest }: GuestScene) => command(guest, COMMANDS.reset);
    return [
      profile === "dump"
        ? step(newLife(...clearedAway("guest-reset")), reset)
        : step(sameLife("guest-ended guest-reset"), reset),
    ];
  },

  "triple fault": ({ profile }) => {
    const fault = ({ guest }: GuestScene) => command(guest, COMMANDS.tripleFault);
    return [
      profile === "dump"
        ? step(newLife(...clearedAway("guest-reset (triple fault)")), fault)
        : step(sameLife("guest-ended guest-reset (triple fault)"), fault),
    ];
  },

  "watchdog": ({ profile }) => {
    const bite = ({ guest }: GuestScene) => command(guest, COMMANDS.armWatchdog);
    return [
      profile === "in-place"
        ? step(sameLife("guest-ended watchdog"), bite)
        : step(newLife(...clearedAway("watchdog")), bite),
    ];
  },

  // A restart at the end, since each QEMU has one bad sector.
  "disk error": ({ profile }) => {
    const write = ({ guest }: GuestScene) => command(guest, COMMANDS.writeSector, BAD_SECTOR);
    return profile === "in-place"
      ? [step(sameLife("guest-ended io-error"), write), restartByHand]
      : [step(held("guest-ended io-error"), write), startHeld("io-error")];
  },

  "watch monitor lost": () => [lost("watch")],
  "all monitors lost": () => [lost("control", "watch")],

  "guest ends while its monitors are lost": ({ profile }) => {
    const end = async (scene: GuestScene) => {
      const { world, guest } = scene;
      const reachable = await reported(scene, "reachable");
      await world.ask({ do: "drop", name: guest.name, sockets: ["control", "watch"] });
      await command(guest, profile === "keep" ? COMMANDS.panic : COMMANDS.reset);
      await reachable();
    };
    switch (profile) {
      case "keep":
        return [step(held("guest-ended guest-panic"), end), startHeld("guest-panic")];
      case "dump":
        return [step(newLife(...clearedAway("guest-reset")), end)];
      default:
        return [step(sameLife("guest-ended guest-reset"), end)];
    }
  },

  "a stranger at the monitors": () => [
    step(UNTOUCHED, async ({ world, guest }) => {
      const { runDir } = await world.guest(guest.name);
      await visitMonitors(guest, runDir ?? "");
    }),
  ],

  "socket path stolen": () => [
    step(newLife("ended host-quit"), async (scene) => {
      using _thief = await steal(scene);
      await scene.world.ask({ do: "hail", name: scene.guest.name });
      await restart(scene);
    }),
  ],

  "socket path stolen, then the connection lost": () => [
    step(newLife("ended unresponsive"), async (scene) => {
      const { world, guest, pid } = scene;
      const unreachable = await reported(scene, "unreachable");
      using _thief = await steal(scene);
      await world.ask({ do: "drop", name: guest.name, sockets: ["control", "watch"] });
      await unreachable();
      await world.untilUp(guest.name, pid);
    }),
  ],

  "killed too often": () => {
    const kills = LIMITED_RESTARTS + 1;
    const told = Array.from({ length: kills }, () => "ended killed");
    const killAll = async ({ world, guest, pid }: GuestScene) => {
      let last = pid;
      for (let kill = 1; kill <= kills; kill++) {
        if (kill > 1) last = (await world.untilUp(guest.name, last)).pid;
        if (last !== null) Deno.kill(last, "SIGKILL");
      }
    };
    return [step({ told, phase: "failed", life: "none" }, killAll), startByHand];
  },

  "operator stops it": () => [
    step(down("ended host-quit"), async ({ world, guest }) => {
      await world.insist({ do: "stop", name: guest.name });
    }),
    startByHand,
  ],

  "operator restarts it":
    () => [step({ ...newLife("ended host-quit"), maybe: ["ended host-quit"] }, restart)],

  "killed as its operator stops it": () => [
    step(
      { ...down("ended killed or ended host-quit"), maybe: ["ended host-quit", "ended launch-failed"] },
      async (scene) => {
        const { world, guest, chance } = scene;
        const kill = async () => {
          await pause(Math.max(0, (2 * chance - 1) * APART_MS));
          await signal(scene, "SIGKILL");
        };
        const stop = async () => {
          await pause(Math.max(0, (1 - 2 * chance) * APART_MS));
          await world.insist({ do: "stop", name: guest.name });
        };
        await Promise.all([kill(), stop()]);
      },
    ),
    startByHand,
  ],
};

/** The guest ends, and then its QEMU, which has nothing to add. */
function clearedAway(cause: string): string[] {
  return [`guest-ended ${cause}`, `ended ${cause}`];
}

/** Asked for once more where the supervisor died meanwhile: it may have heard it the first time. */
const restartByHand: Step = step(
  { ...newLife("ended host-quit"), maybe: ["ended host-quit"] },
  restart,
);

/** Its connections break, and QEMU listens as before. */
function lost(...sockets: string[]): Step {
  return step(UNTOUCHED, async (scene) => {
    const { world, guest } = scene;
    const reachable = await reported(scene, "reachable");
    await world.ask({ do: "drop", name: guest.name, sockets });
    await reachable();
  });
}

/**
 * Takes the paths of a guest's sockets.
 *
 * @param scene Whose.
 * @returns The thief.
 */
export async function steal({ world, guest }: GuestScene): Promise<StolenSockets> {
  const { runDir } = await world.guest(guest.name);
  return await StolenSockets.take([`${runDir}/control`, `${runDir}/watch`]);
}

/**
 * Waits for a report of a guest that is not there yet.
 *
 * @param scene Whose.
 * @param kind Its kind.
 * @returns Waits.
 */
export async function reported({ world, guest }: GuestScene, kind: string): Promise<() => Promise<void>> {
  const count = async () => {
    await world.journal.read();
    return countKind(world.journal.lines, guest.name, kind);
  };
  const before = await count();
  return () =>
    untilNothingIsMissing(`a fault of ${guest.name}`, async () => {
      return await count() > before ? null : `a report of ${guest.name}, ${kind}`;
    });
}

async function restart({ world, guest }: GuestScene): Promise<void> {
  await world.insist({ do: "restart", name: guest.name });
}

// deno-lint-ignore require-await -- each way of doing something to a guest is async, and rejects
async function signal({ pid }: GuestScene, signal: Deno.Signal): Promise<void> {
  if (pid === null) throw new Error("There is no QEMU to send a signal to");
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // The operator's stop may have been quicker.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function briefMs({ chance }: GuestScene): number {
  return BRIEF_MS.least + chance * (BRIEF_MS.most - BRIEF_MS.least);
}
