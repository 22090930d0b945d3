import { assert } from "@std/assert";
import { assemble16, rom, uniCommands } from "../../src/testing/mod.ts";
import { launch, type VmConfig } from "../../mod.ts";
import { type EventCause, type Place, type Scene, startObeying, tell } from "./_event_cause.ts";
import { untilState } from "./_vm_host.ts";

/** What the ACPI tables' own code would report of the memory slot 0, had the system told it to: an ejection that was refused. */
const REPORT_OST = `
        xor eax, eax
        mov dx, 0xa00           ; memory hotplug: select slot 0
        out dx, eax
        mov eax, 3
        mov dx, 0xa04           ; the event: an ejection request
        out dx, eax
        mov eax, 1
        mov dx, 0xa08           ; its outcome: failure, which sends the report
        out dx, eax
halt:   cli
        hlt
        jmp halt
`;

async function migrateTo(scene: Scene, how: "over" | "nowhere"): Promise<void> {
  const { vm, host, dir, binary, witness } = scene;
  const capabilities = { capabilities: [{ capability: "events", state: true }] } as const;
  await startObeying(scene);
  await vm.qmp.execute("migrate-set-capabilities", capabilities);
  if (how === "nowhere") {
    await vm.qmp.execute("migrate", { uri: "exec:false" });
    await witness.saw("MIGRATION", ({ data }) => data?.status === "failed");
    return;
  }
  const uri = `unix:${dir}/migration`;
  await using target = await launch(host.config({ binary, incoming: "defer" }), { paused: true });
  await target.qmp.execute("migrate-set-capabilities", capabilities);
  await target.qmp.execute("migrate-incoming", { uri });
  await vm.qmp.execute("migrate", { uri });
  await witness.saw("MIGRATION", ({ data }) => data?.status === "completed");
}

/** The guest under test is the copy that runs beside another one (COLO), and goes on alone when that one is gone. */
async function outliveThePrimary({ vm, host, dir, binary, witness }: Scene): Promise<void> {
  const uri = `unix:${dir}/colo`;
  const states = ["events", "x-colo"] as const;
  const capabilities = { capabilities: states.map((capability) => ({ capability, state: true })) };
  await using primary = await launch(host.config({ binary }));
  for (const { qmp } of [vm, primary]) {
    await qmp.execute("migrate-set-capabilities", capabilities);
    // No checkpoint while the test runs: the first state is all it needs.
    await qmp.execute("migrate-set-parameters", { "x-checkpoint-delay": 100_000 });
  }
  await vm.qmp.execute("migrate-incoming", { uri });
  await primary.qmp.execute("migrate", { uri });
  await witness.saw("MIGRATION", ({ data }) => data?.status === "colo");
  await primary.kill();
  await witness.saw("COLO_EXIT");
  await vm.qmp.execute("x-colo-lost-heartbeat"); // else it would not end
}

function panicking(action: "shutdown" | "pause" | "none", events: readonly string[]): EventCause {
  return {
    name: `a guest panics, and the action is ${action}`,
    events,
    config: ({ host }) => host.config({ actions: { panic: action } }),
    act: (scene) => tell(scene, uniCommands.panic),
  };
}

function watchdog(
  action: "reset" | "pause" | "poweroff" | "inject-nmi",
  events: readonly string[],
): EventCause {
  return {
    name: `a watchdog fires, and the action is ${action}`,
    events: ["WATCHDOG", ...events],
    config: ({ host }) => host.config({ watchdog: "ib700", actions: { watchdog: action } }),
    act: (scene) => tell(scene, uniCommands.armWatchdog),
  };
}

async function ostGuest({ host, dir }: Place): Promise<VmConfig> {
  const bios = `${dir}/ost.rom`;
  await Deno.writeFile(bios, rom(assemble16(REPORT_OST)));
  return host.config({ firmware: { bios }, extraArgs: ["-m", "16M,slots=1,maxmem=32M"] });
}

/** Ends, resets, sleeps, clocks, migrations: what the machine itself tells. */
export const MACHINE_CAUSES: readonly EventCause[] = [
  {
    name: "the guest powers itself off",
    events: ["RESUME", "SHUTDOWN"],
    act: (scene) => tell(scene, uniCommands.powerOff),
  },
  {
    name: "the power button is pressed",
    events: ["POWERDOWN", "SHUTDOWN"],
    act: async (scene) => {
      await tell(scene, uniCommands.obeyPowerButton);
      await scene.vm.console?.expect("g");
      await scene.vm.qmp.execute("system_powerdown");
    },
  },
  {
    name: "the guest powers itself off and is held",
    events: ["SHUTDOWN", "STOP"],
    config: ({ host }) => host.config({ actions: { shutdown: "pause" } }),
    act: (scene) => tell(scene, uniCommands.powerOff),
  },
  { name: "QEMU is told to quit", events: ["SHUTDOWN"], act: ({ vm }) => vm.qmp.execute("quit") },
  {
    name: "QEMU gets SIGTERM",
    events: ["SHUTDOWN"],
    act: async ({ vm }) => {
      assert(vm.pid !== null);
      Deno.kill(vm.pid, "SIGTERM");
      await untilState(vm.pid, ["gone", "Z"]);
    },
  },
  {
    name: "the guest resets itself, and the host resets it",
    events: ["RESET", "RESUME"],
    act: async (scene) => {
      await tell(scene, uniCommands.reset);
      await scene.witness.saw("RESET", ({ data }) => data?.reason === "guest-reset");
      await scene.vm.qmp.execute("system_reset");
      await scene.witness.saw("RESET", ({ data }) => data?.reason === "host-qmp-system-reset");
    },
  },
  {
    name: "a reset that is a shutdown",
    events: ["SHUTDOWN"],
    config: ({ host }) => host.config({ actions: { reboot: "shutdown" } }),
    act: ({ vm }) => vm.qmp.execute("system_reset"),
  },
  {
    name: "stop and cont",
    events: ["STOP", "RESUME"],
    act: async ({ vm }) => {
      await vm.resume();
      await vm.pause();
      await vm.resume();
    },
  },
  {
    name: "the guest sleeps and is woken",
    events: ["SUSPEND", "WAKEUP"],
    act: async (scene) => {
      await tell(scene, uniCommands.suspend);
      await scene.witness.saw("SUSPEND");
      await scene.vm.qmp.execute("system_wakeup");
    },
  },
  {
    name: "the guest suspends itself to disk",
    events: ["SUSPEND_DISK", "SHUTDOWN"],
    act: (scene) => tell(scene, uniCommands.hibernate),
  },
  panicking("shutdown", ["GUEST_PANICKED", "SHUTDOWN"]),
  panicking("pause", ["GUEST_PANICKED", "STOP"]),
  panicking("none", ["GUEST_PANICKED"]),
  {
    name: "the guest crashes and looks after it itself",
    events: ["GUEST_CRASHLOADED"],
    act: (scene) => tell(scene, uniCommands.crashLoad),
  },
  {
    name: "the guest shuts down by pvpanic",
    events: ["GUEST_PVSHUTDOWN"],
    act: (scene) => tell(scene, uniCommands.pvShutdown),
  },
  watchdog("reset", ["RESET"]),
  watchdog("pause", ["STOP"]),
  watchdog("poweroff", []),
  watchdog("inject-nmi", []),
  {
    name: "the guest sets its clock",
    events: ["RTC_CHANGE"],
    act: (scene) => tell(scene, uniCommands.rtcWrite),
  },
  {
    name: "the guest reports on an ejection of memory",
    events: ["ACPI_DEVICE_OST"],
    config: ostGuest,
    act: ({ vm }) => vm.resume(),
  },
  {
    name: "the guest is migrated",
    events: ["MIGRATION", "MIGRATION_PASS", "STOP"],
    act: (scene) => migrateTo(scene, "over"),
  },
  {
    name: "a migration fails",
    events: ["MIGRATION"],
    config: ({ host }) => host.config({ sandbox: "allow-spawn" }),
    act: (scene) => migrateTo(scene, "nowhere"),
  },
  {
    name: "a guest's copy goes on without it",
    events: ["COLO_EXIT", "MIGRATION"],
    config: ({ host }) => host.config({ incoming: "defer" }),
    act: outliveThePrimary,
  },
  {
    name: "the guest's memory is dumped",
    events: ["STOP", "DUMP_COMPLETED", "RESUME"],
    act: async ({ vm, dir, witness }) => {
      await vm.resume();
      await vm.qmp.execute("dump-guest-memory", {
        protocol: `file:${dir}/dump`,
        paging: false,
        detach: true,
      });
      await witness.saw("DUMP_COMPLETED");
    },
  },
];
