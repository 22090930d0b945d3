import { assertEquals } from "@std/assert";
import type { VmConfig } from "../../../../src/machine/mod.ts";
import {
  bootConfig,
  builderConfig,
  cloneConfig,
  memoryBytes,
  writtenFiles,
} from "../../../../src/testing/snapshot/template_config.ts";

const FILES = { disk: (index: number) => `/own/disk${index}`, vars: "/own/vars" };
const CONFIG: VmConfig = {
  memoryMiB: 64,
  firmware: { code: "/code", vars: "/vars" },
  drives: [{ file: "/cd.iso", media: "cdrom" }, { file: "/a.img", snapshot: true }, {
    file: "/b.qcow2",
    cache: "none",
    aio: "native",
  }],
  extraArgs: ["-msg", "timestamp=on"],
};

Deno.test("builderConfig() puts the memory into a file that is written to, and gives layers for disks", () => {
  assertEquals(builderConfig(CONFIG, FILES, { kind: "written", file: "/shm/a,b" }), {
    memoryMiB: 64,
    firmware: { code: "/code", vars: "/own/vars" },
    drives: [
      { file: "/cd.iso", media: "cdrom" },
      // A test's disk need not survive a power failure.
      { file: "/own/disk1", format: "qcow2", cache: "unsafe" },
      // That needs the host's cache to be off.
      { file: "/own/disk2", format: "qcow2", cache: "none", aio: "native" },
    ],
    machineProps: { "memory-backend": "qeeper-ram" },
    extraArgs: [
      ...["-object", "memory-backend-file,id=qeeper-ram,size=64M,mem-path=/shm/a,,b,share=on"],
      ...["-msg", "timestamp=on"],
    ],
  });
});

Deno.test("cloneConfig() has the same machine wait for its state, with a private view of the memory", () => {
  const builder = builderConfig(CONFIG, FILES, { kind: "written", file: "/shm/a" });
  const clone = cloneConfig(CONFIG, FILES, { kind: "private", file: "/shm/a" });
  assertEquals(clone.incoming, "defer");
  assertEquals(clone.extraArgs?.[1], builder.extraArgs?.[1]?.replace("share=on", "share=off"));
  const { incoming: _, extraArgs: __, ...rest } = clone;
  const { extraArgs: ___, ...same } = builder;
  assertEquals(rest, same);
});

Deno.test("cloneConfig() leaves memory to QEMU when the template has it in its state", () => {
  const { machineProps, extraArgs } = cloneConfig(CONFIG, FILES, { kind: "own" });
  assertEquals([machineProps, extraArgs], [undefined, CONFIG.extraArgs]);
});

Deno.test("bootConfig() lets the guest write to nothing of the user's", () => {
  const { drives, firmware } = bootConfig(CONFIG, "/own/vars");
  assertEquals(firmware?.vars, "/own/vars");
  assertEquals(drives?.map(({ snapshot }) => snapshot), [undefined, true, true]);
});

Deno.test("writtenFiles() and memoryBytes() tell what each VM needs of its own", () => {
  assertEquals(writtenFiles(CONFIG), { drives: [1, 2], vars: "/vars" });
  assertEquals(writtenFiles({}), { drives: [], vars: null });
  assertEquals([memoryBytes(CONFIG), memoryBytes({})], [64 * 1024 * 1024, 128 * 1024 * 1024]);
});
