// The types of src/qapi against real QEMUs: what they answer is checked by a validator that is made from the same facts as the types.
import { assert, assertEquals } from "@std/assert";
import { QmpCommandError } from "../../src/qmp/mod.ts";
import { launch, type Vm } from "../../src/vm/mod.ts";
import type { VmConfig } from "../../src/machine/mod.ts";
import { bootSector, tinyGuests } from "../../src/testing/mod.ts";
import qmpFacts from "../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import { decodeFacts } from "../../tools/qapi/facts.ts";
import { type Deviation, ReplyValidator } from "./_reply_validator.ts";
import { QEMUS } from "./_qemus.ts";
import { KNOWN_DEVIATIONS, type KnownDeviation, knownDeviation } from "./_schema_deviations.ts";

const MODEL = decodeFacts(qmpFacts, "tools/qapi/facts/qmp.jsonl");
const VALIDATOR = new ReplyValidator(MODEL);
const LIMIT_MS = 60_000;

/** Machines that have something to tell: disks, cards, a screen, memory, a watchdog. */
const EQUIPMENT: VmConfig = {
  memoryMiB: 32,
  networks: [{ type: "user" }],
  rng: true,
  balloon: true,
  watchdog: "i6300esb",
  vga: "std",
  extraArgs: [
    ...["-blockdev", "driver=null-co,node-name=null0,size=1048576"],
    ...["-device", "virtio-blk-pci,drive=null0,id=disk0"],
    ...["-object", "iothread,id=thread0", "-object", "memory-backend-ram,id=mem0,size=1M"],
    ...[
      "-device",
      "virtio-serial-pci",
      "-chardev",
      "ringbuf,id=ring0",
      "-device",
      "virtserialport,chardev=ring0",
    ],
    ...["-usb", "-device", "usb-tablet", "-device", "vmgenid,guid=auto"],
    ...["-vnc", "none", "-audiodev", "none,id=audio0"],
  ],
};
const MACHINES: Readonly<Record<string, VmConfig>> = {
  none: { machine: "none" },
  pc: { machine: "pc", ...EQUIPMENT },
  q35: { machine: "q35", ...EQUIPMENT },
};

/** Commands that may say no, each with what it then says: what they ask for is not there. */
const NOT_HERE: Readonly<Record<string, RegExp>> = {
  "query-acpi-ospm-status": /missing ACPI device/,
  "query-balloon": /No balloon device/,
  "query-hotpluggable-cpus": /is not enabled|does not support hot-plugging/,
  "query-hv-balloon-status-report": /no hv-balloon device/,
  "query-sev-capabilities": /KVM not enabled|SEV is not enabled/,
  "query-sev-launch-measure": /not available/,
  "query-sgx": /SGX|only supported/,
  "query-sgx-capabilities": /SGX|sgx/,
  "query-vm-generation-id": /VM Generation ID device not found/,
  "x-query-profile": /Internal profiler not compiled/,
  "x-query-usb": /USB support not enabled/,
  "x-query-virtio": /No virtio devices found/,
};

for (const { binary, name: qemu, ignore } of QEMUS) {
  Deno.test(`every query command without required arguments answers as its type says, with ${qemu}`, {
    ignore,
  }, async (t) => {
    const met = new Set<KnownDeviation>();
    let version = "";
    for (const [machine, config] of Object.entries(MACHINES)) {
      await t.step(machine, async () => {
        await using vm = await launch({ ...config, accel: "tcg", binary }, { paused: true });
        version = versionOf(vm);
        const { answered, deviations } = await query(vm);
        const unknown = deviations.filter((deviation) => {
          const known = knownDeviation(deviation, version);
          if (known !== null) met.add(known);
          return known === null && !isExcused(deviation, version);
        });
        assertEquals(unknown, []);
        assert(answered >= 50, `only ${answered} commands answered`);
      });
    }
    const listed = KNOWN_DEVIATIONS.filter(({ versions }) => versions.includes(version));
    assertEquals(listed.filter((known) => !met.has(known)), [], "listed, but not met");
  });

  Deno.test(
    `every event that tiny guests cause carries what its type says, with ${qemu}`,
    { ignore },
    async (t) => {
      for (const [name, { config, act, expected }] of Object.entries(EVENT_CAUSES)) {
        await t.step(name, async () => {
          const dir = await Deno.makeTempDir({ prefix: "qeeper-qapi-" });
          try {
            await Deno.writeFile(
              `${dir}/image`,
              bootSector(tinyGuests[name as keyof typeof tinyGuests].code),
            );
            const drives = [{
              file: `${dir}/image`,
              format: "raw",
              interface: "floppy",
              readonly: true,
            }] as const;
            await using vm = await launch({ machine: "pc", accel: "tcg", binary, ...config, drives }, {
              paused: true,
            });
            using events = vm.events();
            await act(vm);
            const seen = new Set<string>();
            const signal = AbortSignal.timeout(LIMIT_MS);
            while (!expected.every((event) => seen.has(event))) {
              signal.throwIfAborted();
              const next = await events.next();
              assert(!next.done, `the stream ended after ${[...seen].join(", ")}`);
              seen.add(next.value.event);
              assertEquals(VALIDATOR.checkEvent(next.value.event, next.value.data), [], next.value.event);
            }
          } finally {
            await Deno.remove(dir, { recursive: true });
          }
        });
      }
    },
  );
}

interface EventCause {
  readonly config: VmConfig;
  act(vm: Vm): Promise<unknown>;
  readonly expected: readonly string[];
}

const start = (vm: Vm) => vm.qmp.execute("cont");

/** Tiny guests by name, with what is done and the events that follow. */
const EVENT_CAUSES: Readonly<Partial<Record<keyof typeof tinyGuests, EventCause>>> = {
  powerOff: { config: {}, act: start, expected: ["RESUME", "SHUTDOWN"] },
  panic: { config: { pvpanic: true }, act: start, expected: ["RESUME", "GUEST_PANICKED", "SHUTDOWN"] },
  reset: { config: {}, act: start, expected: ["RESET"] },
  rtcWrite: { config: {}, act: start, expected: ["RTC_CHANGE"] },
  watchdog: {
    config: { watchdog: "ib700", actions: { watchdog: "pause" } },
    act: start,
    expected: ["WATCHDOG", "STOP"],
  },
  halt: {
    config: {},
    act: async (vm) => {
      await start(vm);
      await vm.pause();
      await vm.resume();
      await vm.qmp.execute("system_powerdown");
      await vm.qmp.execute("system_reset");
      await vm.qmp.execute("quit");
    },
    expected: ["RESUME", "STOP", "POWERDOWN", "RESET", "SHUTDOWN"],
  },
};

Deno.test("ReplyValidator tells apart what is missing, wrong and unlisted", () => {
  const check = (command: string, reply: unknown) =>
    VALIDATOR.checkReply(command, reply).map(({ kind, at }) => `${kind} ${at}`);
  assertEquals(check("query-status", { running: true, status: "running" }), []);
  assertEquals(check("query-status", { running: 1 }), [
    "wrong StatusInfo.running",
    "missing StatusInfo.status",
  ]);
  assertEquals(check("query-status", { running: true, status: "dreaming" }), ["unlisted RunState"]);
  assertEquals(check("query-status", { running: true, status: "paused", x: 1 }), ["unlisted StatusInfo.x"]);
  assertEquals(check("query-status", []), ["wrong StatusInfo"]);
  assertEquals(check("query-balloon", { actual: 2n ** 62n }), []);
  assertEquals(check("query-balloon", { actual: 1.5 }), ["wrong BalloonInfo.actual"]);
  assertEquals(check("query-yank", [{ type: "chardev", id: "c" }, { type: "chardev" }]), [
    "missing YankInstance.id",
  ]);
  assertEquals(check("query-yank", [{ type: "new-kind", more: 1 }]), [
    "unlisted YankInstanceType",
    "unlisted YankInstance.more",
  ]);
  assertEquals(check("stop", {}), []);
  assertEquals(check("stop", { x: 1 }), ["unlisted stop.x"]);
  assertEquals(check("no-such-command", {}), ["unlisted no-such-command"]);
  assertEquals(VALIDATOR.checkEvent("STOP", undefined), []);
  assertEquals(VALIDATOR.checkEvent("SHUTDOWN", { guest: true }).map(({ at }) => at), ["SHUTDOWN.reason"]);
});

/** Runs what can be asked without arguments. */
async function query(vm: Vm): Promise<{ answered: number; deviations: Deviation[] }> {
  let answered = 0;
  const deviations: Deviation[] = [];
  for (const { name } of await vm.qmp.execute("query-commands")) {
    if (!/^(?:x-)?query-/.test(name) || wantsArguments(name)) continue;
    try {
      const reply = await vm.qmp.execute(name as string, {}, { timeoutMs: LIMIT_MS });
      answered++;
      deviations.push(...VALIDATOR.checkReply(name, reply));
    } catch (error) {
      const isKnown = error instanceof QmpCommandError && NOT_HERE[name]?.test(error.message);
      if (!isKnown) throw error;
    }
  }
  return { answered, deviations };
}

function wantsArguments(command: string): boolean {
  const definition = MODEL.definitions.get(command);
  if (definition?.kind !== "command") return false;
  const { payload } = definition;
  return payload.kind === "type" ||
    payload.kind === "members" && payload.members.some(({ optional }) => !optional);
}

function versionOf(vm: Vm): string {
  const { major, minor } = vm.qmp.greeting.version.qemu;
  return `${major}.${minor}`;
}

/** A version that the list doesn't name may say more than 10.2, and lack what any other version lacks. */
function isExcused(deviation: Deviation, version: string): boolean {
  if (KNOWN_DEVIATIONS.some(({ versions }) => versions.includes(version))) return false;
  return deviation.kind === "unlisted" ||
    KNOWN_DEVIATIONS.some(({ kind, at }) => kind === deviation.kind && at === deviation.at);
}
