// The types of src/qapi against real QEMUs: what they answer is checked by a validator that is made from the same facts as the types.
import { assert, assertEquals } from "@std/assert";
import { QmpCommandError } from "../../src/qmp/mod.ts";
import { launch, type Vm } from "../../src/vm/mod.ts";
import type { VmConfig } from "../../src/machine/mod.ts";
import qmpFacts from "../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import { decodeFacts } from "../../tools/qapi/facts.ts";
import { type Deviation, ReplyValidator } from "./_reply_validator.ts";
import { QEMUS } from "./_qemus.ts";
import { compareWith, KNOWN_DEVIATIONS } from "./_schema_deviations.ts";

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
    const deviations: Deviation[] = [];
    let version = "";
    for (const [machine, config] of Object.entries(MACHINES)) {
      await t.step(machine, async () => {
        await using vm = await launch({ ...config, accel: "tcg", binary }, { paused: true });
        version = versionOf(vm);
        const found = await query(vm);
        deviations.push(...found.deviations);
        assertEquals(compareWith(KNOWN_DEVIATIONS, found.deviations, version).unknown, []);
        assert(found.answered >= 50, `only ${found.answered} commands answered`);
      });
    }
    assertEquals(compareWith(KNOWN_DEVIATIONS, deviations, version).notMet, [], "listed, but not met");
  });
}

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
