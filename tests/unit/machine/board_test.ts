import { assertEquals } from "@std/assert";
import { type Board, boardOf, machineType, virtioDevice } from "../../../src/machine/board.ts";
import type { VmConfig } from "../../../src/machine/mod.ts";

Deno.test("machineType() is the config's, else the usual one of the architecture, else QEMU's choice", () => {
  const types = ["x86_64", "i386", "aarch64", "riscv64", "loongarch64", "s390x", "ppc64", "m68k"]
    .map((arch) => machineType({}, { arch }));
  assertEquals(types, ["pc", "pc", "virt", "virt", "virt", "s390-ccw-virtio", "pseries", undefined]);
  assertEquals(machineType({ machine: "q35" }, { arch: "x86_64" }), "q35");
});

Deno.test("boardOf() knows the buses of the machine types that were measured, and takes nothing for granted of others", () => {
  const has = ({ virtio, x86: _, ...rest }: Board) =>
    [virtio, ...Object.entries(rest).filter(([, value]) => value).map(([key]) => key)].join(" ");
  const cases: [arch: string, config: VmConfig, has: string][] = [
    ["x86_64", {}, "pci pci isa ide uart vga"],
    ["x86_64", { machine: "pc-i440fx-7.2" }, "pci pci isa ide uart vga"],
    ["x86_64", { machine: "pc-q35-10.0" }, "pci pci isa ide uart vga"],
    ["x86_64", { machine: "q35" }, "pci pci isa ide uart vga"],
    ["x86_64", { machine: "isapc" }, " isa ide uart vga"],
    ["x86_64", { machine: "microvm" }, "device isa uart"],
    ["x86_64", { machine: "microvm", machineProps: { pcie: "on", "isa-serial": "off" } }, "pci pci isa"],
    ["x86_64", { machine: "none" }, ""],
    ["aarch64", { machine: "none" }, ""],
    ["x86_64", { machine: "xenfv" }, "pci uart vga"],
    ["x86_64", { machine: "pcx" }, "pci uart vga"],
    ["aarch64", {}, "pci pci uart"],
    ["aarch64", { machine: "virt-9.2" }, "pci pci uart"],
    ["aarch64", { machine: "raspi3b" }, "pci uart vga"],
    ["m68k", { machine: "virt" }, "pci uart vga"],
    ["s390x", {}, "ccw"],
    ["ppc64", { machine: "pseries-9.0" }, "pci pci uart vga"],
  ];
  for (const [arch, config, expected] of cases) {
    assertEquals(has(boardOf(config, { arch })), expected, `${arch} ${JSON.stringify(config)}`);
  }
});

Deno.test("boardOf() knows how many IDE drives fit where", () => {
  const ide = (machine: string) => boardOf({ machine }, { arch: "x86_64" }).ide;
  assertEquals(["pc", "isapc"].map(ide), [{ buses: 2, units: 2 }, { buses: 2, units: 2 }]);
  assertEquals(["q35", "pc-q35-7.2"].map(ide), [{ buses: 6, units: 1 }, { buses: 6, units: 1 }]);
});

Deno.test("virtioDevice() ends as the board's bus does", () => {
  const named = (machine: string) => virtioDevice(boardOf({ machine }, { arch: "x86_64" }), "virtio-net");
  assertEquals(["pc", "microvm", "isapc"].map(named), [
    "virtio-net-pci",
    "virtio-net-device",
    "virtio-net-pci",
  ]);
  assertEquals(virtioDevice(boardOf({}, { arch: "s390x" }), "virtio-net"), "virtio-net-ccw");
});
