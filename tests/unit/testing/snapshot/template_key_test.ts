import { assertEquals, assertNotEquals } from "@std/assert";
import type { HostFacts, VmConfig } from "../../../../src/machine/mod.ts";
import {
  type Ingredients,
  ingredientsText,
  machineArgv,
} from "../../../../src/testing/snapshot/template_key.ts";

const FACTS: HostFacts = {
  binary: "/usr/bin/qemu-system-x86_64",
  arch: "x86_64",
  accel: "tcg",
  sandbox: true,
};
const CONFIG: VmConfig = {
  name: "web",
  uuid: "7b6ac0d6-4e0e-4e2f-9d3c-2b7a1d3c5e11",
  kernel: "/a/vmlinuz",
  initrd: "/a/initrd",
  append: "console=ttyS0",
  firmware: { bios: "/a/bios" },
  drives: [{ file: "/a/disk.img" }, { file: "/a/tools.qcow2", readonly: true }],
  cdrom: "/a/seed.iso",
};

Deno.test("machineArgv() is the same when only names and places differ", () => {
  const elsewhere: VmConfig = {
    ...CONFIG,
    name: "other",
    uuid: "11111111-4e0e-4e2f-9d3c-2b7a1d3c5e11",
    kernel: "/b/vmlinuz",
    initrd: "/b/initrd",
    firmware: { bios: "/b/bios" },
    drives: [{ file: "/b/disk.qcow2" }, { file: "/b/tools.qcow2", readonly: true }],
    cdrom: "/b/seed.iso",
    monitors: [{ id: "mine" }],
  };
  assertEquals(machineArgv(elsewhere, { ...FACTS, recorder: "pipe" }), machineArgv(CONFIG, FACTS));
});

Deno.test("machineArgv() differs when the machine does", async (t) => {
  const cases: Record<string, VmConfig> = {
    memory: { memoryMiB: 256 },
    cpus: { cpus: 2 },
    append: { append: "console=ttyS0 quiet" },
    "a device": { rng: true },
    "a disk's bus": { drives: [{ file: "/a/disk.img", interface: "scsi" }] },
    "no initrd": { initrd: undefined } as unknown as VmConfig,
    "raw arguments": { extraArgs: ["-device", "edu"] },
  };
  for (const [name, change] of Object.entries(cases)) {
    await t.step(
      name,
      () => assertNotEquals(machineArgv({ ...CONFIG, ...change }, FACTS), machineArgv(CONFIG, FACTS)),
    );
  }
  await t.step(
    "the accelerator",
    () => assertNotEquals(machineArgv(CONFIG, { ...FACTS, accel: "kvm" }), machineArgv(CONFIG, FACTS)),
  );
});

Deno.test("ingredientsText() differs when any ingredient does", async (t) => {
  const base: Ingredients = {
    format: 1,
    argv: ["-m", "16"],
    files: [{ place: "kernel", digest: "d", path: null }],
    binary: { path: "/q", bytes: 1, changedAtMs: 2, version: "7.2" },
    prepare: "() => {}",
    version: "",
  };
  const cases: Record<string, Partial<Ingredients>> = {
    "the format": { format: 2 },
    "the command line": { argv: ["-m", "17"] },
    "a content": { files: [{ place: "kernel", digest: "e", path: null }] },
    "a place": { files: [{ place: "initrd", digest: "d", path: null }] },
    "where a disk is": { files: [{ place: "kernel", digest: "d", path: "/disk" }] },
    "the binary's path": { binary: { ...base.binary, path: "/r" } },
    "the binary's size": { binary: { ...base.binary, bytes: 2 } },
    "the binary's time": { binary: { ...base.binary, changedAtMs: 3 } },
    "the binary's version": { binary: { ...base.binary, version: "10.0" } },
    "the preparation": { prepare: "() => 1" },
    "the version": { version: "2" },
  };
  for (const [name, change] of Object.entries(cases)) {
    await t.step(name, () => assertNotEquals(ingredientsText({ ...base, ...change }), ingredientsText(base)));
  }
  assertEquals(ingredientsText({ ...base }), ingredientsText(base));
});
