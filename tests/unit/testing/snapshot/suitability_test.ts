import { assertEquals, assertMatch } from "@std/assert";
import type { VmConfig } from "../../../../src/machine/mod.ts";
import { isWritable, whyBootOnly, whyNotMapped } from "../../../../src/testing/snapshot/suitability.ts";

Deno.test("isWritable() is false for what the guest can't write to", () => {
  assertEquals(isWritable({ file: "a" }), true);
  assertEquals(isWritable({ file: "a", readonly: true }), false);
  assertEquals(isWritable({ file: "a.iso", media: "cdrom" }), false);
});

Deno.test("whyBootOnly() names the disk of which there can be no template", async (t) => {
  const cases: [name: string, config: VmConfig, why: RegExp][] = [
    ["a block device", { drives: [{ file: "/dev/sdb", driver: "host_device" }] }, /^drives\[0\] is a block/],
    ["an encrypted one", { drives: [{ file: "a" }, { file: "b", keySecret: "k" }] }, /^drives\[1\] is encr/],
    ["one of many files", { drives: [{ file: "a", format: "vmdk" }] }, /^drives\[0\] is of the format vmdk/],
    ["a raw -drive", { extraArgs: ["-drive", "file=a.img,if=virtio"] }, /^extraArgs have a -drive/],
    ["a raw -hda", { extraArgs: ["-hda", "a.img"] }, /^extraArgs have a -hda/],
    ["a -blockdev", { extraArgs: ["-blockdev", "driver=file,filename=x,node-name=n"] }, /-blockdev/],
  ];
  for (const [name, config, why] of cases) {
    await t.step(name, () => assertMatch(whyBootOnly(config) ?? "", why));
  }
});

Deno.test("whyBootOnly() has nothing against disks that can be had again", () => {
  const drives = [{ file: "a.img" }, { file: "b.qcow2", readonly: true }, { file: "c.vdi", format: "vdi" }];
  assertEquals(whyBootOnly({ drives, cdrom: "a.iso" }), null);
  assertEquals(whyBootOnly({ extraArgs: ["-blockdev", "null-co,size=1024,node-name=n"] }), null);
});

Deno.test("whyNotMapped() says who else has a say in the guest's memory", async (t) => {
  const cases: [name: string, config: VmConfig, why: RegExp][] = [
    ["a backend", { machineProps: { "memory-backend": "mine" } }, /memory backend already \(mine\)/],
    ["virtiofs", { shares: [{ type: "virtiofs", socket: "/s", tag: "t" }] }, /virtiofsd/],
    ["-object", { extraArgs: ["-object", "memory-backend-ram,id=m,size=1M"] }, /\(-object\)/],
    ["-numa", { extraArgs: ["-numa", "node"] }, /\(-numa\)/],
  ];
  for (const [name, config, why] of cases) {
    await t.step(name, () => assertMatch(whyNotMapped(config) ?? "", why));
  }
  assertEquals(whyNotMapped({ memoryMiB: 64, extraArgs: ["-object", "rng-builtin,id=r"] }), null);
});
