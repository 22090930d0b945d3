// The cause table: what ends a guest or its QEMU, and what the verdict makes of it, on real QEMU; under QEMU's own default actions and
// under the supervisor's, which hold a guest at its end.
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { pooledMap } from "@std/async/pool";
import { attach, launch, LaunchError, type Verdict, type Vm, type VmConfig } from "../../mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { judgeLaunch } from "../../src/vm/verdict.ts";
import { HELD, nextOf, qmpOf, soon, VmHost } from "./_vm_host.ts";

/** What is compared: the rest of a verdict is the time and words. */
interface Expected {
  cause: Verdict["cause"];
  process: Verdict["process"];
  exit: Verdict["exit"];
  reason: Verdict["reason"];
  tripleFault: Verdict["tripleFault"];
  /** All events since the start, by name. */
  events: readonly string[];
}

interface Row {
  name: string;
  config?: (host: VmHost) => Promise<VmConfig> | VmConfig;
  /** What the guest is told, or what the host does. */
  act: string | ((vm: Vm, host: VmHost) => Promise<unknown>);
  /** Under QEMU's own actions. */
  byDefault: Expected;
  /** Under the supervisor's actions, where that is another thing. */
  held?: Expected;
}

const EXITED = { process: "ended", exit: { code: 0, signal: null }, tripleFault: null } as const;
const RUNS = { process: "running", exit: null } as const;
const IS_HELD = { process: "held", exit: null, reason: null, tripleFault: null } as const;

function signalled(cause: Verdict["cause"], signal: string, code: number): Expected {
  return { ...EXITED, cause, exit: { code, signal }, reason: null, events: ["RESUME"] };
}

async function sendSignal(vm: Vm, signal: Deno.Signal): Promise<void> {
  assert(vm.pid !== null);
  Deno.kill(vm.pid, signal);
  await vm.stopped;
}

const reset: Expected = {
  ...RUNS,
  cause: "guest-reset",
  reason: "guest-reset",
  tripleFault: false,
  events: ["RESUME", "RESET"],
};
const quit: Expected = {
  ...EXITED,
  cause: "host-quit",
  reason: "host-qmp-quit",
  events: ["RESUME", "SHUTDOWN"],
};

const ROWS: readonly Row[] = [
  {
    name: "the guest powers itself off",
    act: uniCommands.powerOff,
    byDefault: {
      ...EXITED,
      cause: "guest-shutdown",
      reason: "guest-shutdown",
      events: ["RESUME", "SHUTDOWN"],
    },
    held: {
      ...IS_HELD,
      cause: "guest-shutdown",
      reason: "guest-shutdown",
      events: ["RESUME", "SHUTDOWN", "STOP"],
    },
  },
  { name: "the guest resets itself by port 0xcf9", act: uniCommands.reset, byDefault: reset },
  {
    name: "the guest resets itself by the keyboard controller",
    act: uniCommands.keyboardReset,
    byDefault: reset,
  },
  {
    name: "the guest takes a triple fault",
    act: uniCommands.tripleFault,
    byDefault: { ...reset, tripleFault: true },
  },
  {
    name: "the guest resets itself, and QEMU ends at a reset",
    config: () => ({ actions: { reboot: "shutdown" } }),
    act: uniCommands.reset,
    byDefault: {
      ...EXITED,
      cause: "guest-reset",
      reason: "guest-reset",
      tripleFault: false,
      events: ["RESUME", "SHUTDOWN"],
    },
    held: {
      ...IS_HELD,
      cause: "guest-reset",
      reason: "guest-reset",
      tripleFault: false,
      events: ["RESUME", "SHUTDOWN", "STOP"],
    },
  },
  {
    name: "the guest takes a triple fault, and QEMU ends at a reset",
    config: () => ({ actions: { reboot: "shutdown" } }),
    act: uniCommands.tripleFault,
    byDefault: {
      ...EXITED,
      cause: "guest-reset",
      reason: "guest-reset",
      tripleFault: true,
      events: ["RESUME", "SHUTDOWN"],
    },
    held: {
      ...IS_HELD,
      cause: "guest-reset",
      reason: "guest-reset",
      tripleFault: true,
      events: ["RESUME", "SHUTDOWN", "STOP"],
    },
  },
  {
    name: "the guest panics",
    act: uniCommands.panic,
    byDefault: {
      ...EXITED,
      cause: "guest-panic",
      reason: "guest-panic",
      events: ["RESUME", "GUEST_PANICKED", "SHUTDOWN"],
    },
    held: { ...IS_HELD, cause: "guest-panic", events: ["RESUME", "GUEST_PANICKED", "STOP"] },
  },
  {
    name: "the guest's watchdog fires",
    config: () => ({ watchdog: "ib700" }),
    act: uniCommands.armWatchdog,
    byDefault: {
      ...RUNS,
      cause: "watchdog",
      reason: "guest-reset",
      tripleFault: null,
      events: ["RESUME", "WATCHDOG", "RESET"],
    },
    held: { ...IS_HELD, cause: "watchdog", events: ["RESUME", "WATCHDOG", "STOP"] },
  },
  {
    name: "the guest's watchdog fires, and its action is poweroff",
    config: () => ({ watchdog: "ib700", actions: { watchdog: "poweroff" } }),
    act: uniCommands.armWatchdog,
    byDefault: { ...EXITED, cause: "watchdog", reason: null, events: ["RESUME", "WATCHDOG"] },
  },
  {
    name: "the guest ends QEMU by isa-debug-exit",
    config: () => ({ extraArgs: ["-device", "isa-debug-exit"] }),
    act: `${uniCommands.debugExit}\x10`,
    byDefault: {
      ...EXITED,
      cause: "guest-shutdown",
      exit: { code: 33, signal: null },
      reason: null,
      events: ["RESUME"],
    },
  },
  {
    name: "QEMU is killed by SIGKILL",
    act: (vm) => sendSignal(vm, "SIGKILL"),
    byDefault: signalled("killed", "SIGKILL", 137),
  },
  {
    name: "QEMU crashes by SIGSEGV",
    act: (vm) => sendSignal(vm, "SIGSEGV"),
    byDefault: signalled("crashed", "SIGSEGV", 139),
  },
  {
    name: "QEMU crashes by SIGABRT",
    act: (vm) => sendSignal(vm, "SIGABRT"),
    byDefault: signalled("crashed", "SIGABRT", 134),
  },
  {
    name: "QEMU ends with an error at run time",
    config: () => ({ incoming: "defer" }),
    act: sendBadMigration,
    byDefault: {
      ...EXITED,
      cause: "crashed",
      exit: { code: 1, signal: null },
      reason: null,
      events: ["MIGRATION"],
    },
  },
  {
    name: "a disk fails",
    config: failingDisk,
    act: uniCommands.writeSector,
    byDefault: { ...IS_HELD, cause: "io-error", events: ["RESUME", "BLOCK_IO_ERROR", "STOP"] },
  },
  {
    name: "somebody quits QEMU on the control monitor",
    act: (vm) => vm.qmp.execute("quit"),
    byDefault: quit,
  },
  {
    name: "somebody quits QEMU on another monitor",
    config: () => ({ monitors: [{ id: "theirs" }] }),
    act: (vm) => qmpOf(vm, "theirs").execute("quit"),
    byDefault: quit,
  },
  {
    name: "the host sends SIGTERM",
    act: (vm) => sendSignal(vm, "SIGTERM"),
    byDefault: { ...EXITED, cause: "host-signal", reason: "host-signal", events: ["RESUME", "SHUTDOWN"] },
  },
];

/** Whatever QEMU is sent here is no migration stream. */
async function sendBadMigration(vm: Vm, host: VmHost): Promise<void> {
  const path = `${host.dir}/migration-${vm.pid}`;
  await vm.qmp.execute("migrate-incoming", { uri: `unix:${path}` });
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("no migration stream at all"));
  await vm.stopped;
  await Deno.remove(path).catch(() => {}); // QEMU has removed it, or died before
}

/** A hard disk on which the first write finds no space; its guest is started by SeaBIOS, for its disk functions. */
async function failingDisk(host: VmHost): Promise<VmConfig> {
  const file = `${host.dir}/failing-${crypto.randomUUID()}.img`;
  await Deno.writeFile(file, new Uint8Array(1024 * 1024));
  const error = ["event=none", "iotype=write", "errno=28", "once=on"].map((part) => `inject-error.0.${part}`);
  const disk = ["driver=blkdebug", "node-name=d0", ...error, "image.driver=file", `image.filename=${file}`];
  return {
    ...host.biosConfig(),
    firmware: {},
    extraArgs: ["-blockdev", disk.join(","), "-device", "virtio-blk-pci,drive=d0"],
  };
}

/** Launches a row's guest, does what ends it, and gives the verdict: on the process if that ended, else on the guest's end. */
async function run(host: VmHost, { config, act }: Row, actions: VmConfig["actions"]): Promise<Verdict> {
  const { actions: own, ...rest } = await config?.(host) ?? {};
  await using vm = await launch(host.config({ ...rest, actions: { ...actions, ...own } }));
  using ends = vm.ends();
  if (typeof act !== "string") await act(vm, host);
  else {
    await vm.console?.expect("READY\n");
    await vm.console?.write(act);
  }
  return await Promise.race([
    vm.stopped,
    // It ends with the VM, without an end.
    ends.next().then(({ value, done }) => done ? vm.stopped : value),
  ]);
}

function comparable(verdict: Verdict): Expected {
  const { cause, process, exit, reason, tripleFault, events } = verdict;
  return { cause, process, exit, reason, tripleFault, events: events.map(({ event }) => event) };
}

type Outcome = { name: string; expected: Expected } & ({ verdict: Verdict } | { error: unknown });

async function outcomeOf(host: VmHost, row: Row, held: boolean): Promise<Outcome> {
  const name = `${row.name}, under ${held ? "the supervisor's actions" : "QEMU's own actions"}`;
  const expected = held ? row.held ?? row.byDefault : row.byDefault;
  try {
    return { name, expected, verdict: await soon(run(host, row, held ? HELD : {})) };
  } catch (error) {
    return { name, expected, error };
  }
}

/** Pairs that are easily taken for each other: they have the same exit, but not the same verdict. */
const NEIGHBOURS: readonly [string, string][] = [
  ["the guest panics", "the guest powers itself off"],
  ["somebody quits QEMU on the control monitor", "the host sends SIGTERM"],
  ["the guest powers itself off", "the host sends SIGTERM"],
  ["the guest's watchdog fires", "the guest resets itself by port 0xcf9"],
  ["the guest takes a triple fault", "the guest resets itself by port 0xcf9"],
];

Deno.test("Verdict tells each way in which a guest or its QEMU ends from all others", async (t) => {
  await using host = await VmHost.make();
  const cases = ROWS.flatMap((row) => [{ row, held: false }, { row, held: true }]);
  const verdicts = new Map<string, Verdict>();
  // The watchdog takes two seconds of the guest's time, so several run beside each other.
  for await (const outcome of pooledMap(4, cases, ({ row, held }) => outcomeOf(host, row, held))) {
    await t.step(outcome.name, () => {
      if ("error" in outcome) throw outcome.error;
      const { name, expected, verdict } = outcome;
      verdicts.set(name, verdict);
      assertEquals(comparable(verdict), expected, verdict.detail);
      assertEquals([verdict.intent, verdict.rung], ["none", null]);
      assert(verdict.detail.length > 0 && !verdict.detail.endsWith("."), verdict.detail);
    });
  }

  for (const [one, other] of NEIGHBOURS) {
    await t.step(`"${one}" is not "${other}"`, () => {
      const [a, b] = [one, other].map((name) => verdicts.get(`${name}, under QEMU's own actions`));
      assert(a && b);
      assertEquals(a.exit, b.exit);
      assertNotEquals([a.cause, a.tripleFault], [b.cause, b.tripleFault]);
    });
  }

  await t.step('"QEMU is killed by SIGKILL" is not "the launch failed"', async () => {
    const error = await assertRejects(() => launch(host.config({ machine: "abacus" })), LaunchError);
    const { exit, stderrTail } = error;
    const failed = judgeLaunch({ at: new Date(), detail: error.message, exit, stderrTail, intent: "none" });
    assertEquals(comparable(failed), {
      ...EXITED,
      cause: "launch-failed",
      exit: { code: 1, signal: null },
      reason: null,
      events: [],
    });
    assertEquals(verdicts.get("QEMU is killed by SIGKILL, under QEMU's own actions")?.cause, "killed");
  });
});

Deno.test("Verdict of a held guest: its own end when its owner clears it away, the other act when somebody else does", async (t) => {
  await using host = await VmHost.make();
  const clearings: { name: string; clear: (vm: Vm) => PromiseLike<unknown>; cause: Verdict["cause"] }[] = [
    { name: "shutdown()", clear: (vm) => vm.shutdown(), cause: "guest-panic" },
    { name: "kill()", clear: (vm) => vm.kill(), cause: "guest-panic" },
    { name: "dispose", clear: (vm) => vm[Symbol.asyncDispose](), cause: "guest-panic" },
    { name: "somebody's quit", clear: (vm) => vm.qmp.execute("quit"), cause: "host-quit" },
    { name: "somebody's SIGTERM", clear: (vm) => sendSignal(vm, "SIGTERM"), cause: "host-signal" },
    { name: "somebody's SIGKILL", clear: (vm) => sendSignal(vm, "SIGKILL"), cause: "killed" },
  ];
  for (const { name, clear, cause } of clearings) {
    await t.step(name, async () => {
      await using vm = await host.obedient({ actions: HELD });
      using ends = vm.ends();
      await vm.console?.write(uniCommands.panic);
      assertEquals((await nextOf(ends)).cause, "guest-panic");
      await clear(vm);
      const verdict = await soon(vm.stopped);
      assertEquals([verdict.cause, verdict.process], [cause, "ended"]);
    });
  }
});

Deno.test("Verdict of a guest that was reset at its end and then killed is not that end", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ actions: HELD });
  using ends = vm.ends();
  await vm.console?.write(uniCommands.powerOff);
  assertEquals((await nextOf(ends)).cause, "guest-shutdown");
  await vm.reset();
  await vm.console?.expect("READY\n");
  await sendSignal(vm, "SIGKILL");
  const verdict = await vm.stopped;
  assertEquals([verdict.cause, verdict.reason], ["killed", null]);
  assertEquals(verdict.events.map(({ event }) => event), ["RESUME", "SHUTDOWN", "STOP", "RESET", "RESUME"]);
});

Deno.test("Verdict of an attached QEMU has the same cause, and no exit", async (t) => {
  await using host = await VmHost.make();
  const acts: { name: string; act: (vm: Vm) => Promise<unknown>; cause: Verdict["cause"] }[] = [
    {
      name: "the guest powers itself off",
      act: (vm) => vm.console?.write(uniCommands.powerOff) ?? Promise.reject(),
      cause: "guest-shutdown",
    },
    { name: "SIGTERM", act: (vm) => sendSignal(vm, "SIGTERM"), cause: "host-signal" },
    { name: "SIGKILL, of which nothing tells", act: (vm) => sendSignal(vm, "SIGKILL"), cause: "lost" },
  ];
  for (const { name, act, cause } of acts) {
    await t.step(name, async () => {
      await using vm = await host.obedient({ monitors: [{ id: "theirs" }] });
      await qmpOf(vm, "theirs").close();
      await using attached = await attach({ transport: "unix", path: `${vm.runDir}/theirs.mon` });
      await act(vm);
      const verdict = await soon(attached.stopped);
      assertEquals([verdict.cause, verdict.exit, verdict.process], [cause, null, "ended"]);
    });
  }
});
