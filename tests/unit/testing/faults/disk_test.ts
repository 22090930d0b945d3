import { assertEquals, assertThrows } from "@std/assert";
import type { QmpCommands } from "../../../../src/qmp/mod.ts";
import { disksOf } from "../../../../src/testing/faults/disk.ts";
import { isSameThrottle, toThrottle } from "../../../../src/testing/faults/disk_limits.ts";
import { parseNetworks } from "../../../../src/testing/faults/network_faults.ts";

const NONE = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };

Deno.test("toThrottle() spells limits as QEMU does, with 0 for none", () => {
  assertEquals(toThrottle({ bytesPerSecond: 5, writesPerSecond: 7 }), { ...NONE, bps: 5, iops_wr: 7 });
});

Deno.test("toThrottle() refuses what is no limit", () => {
  assertThrows(() => toThrottle({}), RangeError, "without a limit");
  for (const wrong of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => toThrottle({ readsPerSecond: wrong }),
      RangeError,
      "'readsPerSecond' must be a positive integer",
    );
  }
});

Deno.test("isSameThrottle() compares what came as a bigint with what was sent as a number", () => {
  assertEquals(isSameThrottle({ ...NONE, bps: 5n }, { ...NONE, bps: 5 }), true);
  assertEquals(isSameThrottle({ ...NONE, bps: 5n }, NONE), false);
});

Deno.test("disksOf() finds what a device shows with an image in it, by the drive's id or else the device's", () => {
  const inserted = { ...NONE, "node-name": "n" };
  const blocks = [
    { device: "disk0", qdev: "/machine/peripheral/disk0/virtio-backend", inserted },
    { device: "", qdev: "/machine/peripheral/d1/virtio-backend", inserted },
    { device: "", qdev: "/machine/unattached/device[9]", inserted },
    { device: "cdrom0", qdev: "/machine/peripheral/cdrom0" },
    { device: "snapshots", inserted },
  ];
  const disks = disksOf(blocks as unknown as QmpCommands["query-block"]["returns"]);
  assertEquals(disks.map(({ id }) => id), ["disk0", "d1", "/machine/unattached/device[9]"]);
});

Deno.test("parseNetworks() finds the networks behind their cards, and none without a card", () => {
  const text = "net0-nic: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56\r\n" +
    " \\ net0: index=0,type=user,net=10.0.2.0,restrict=off\r\n" +
    "lan-nic: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:57\r\n" +
    " \\ lan: index=0,type=user,net=10.0.2.0,restrict=off\r\n" +
    "alone: index=0,type=user,net=10.0.2.0,restrict=off\r\n";
  assertEquals(parseNetworks(text), ["net0", "lan"]);
  assertEquals(parseNetworks("\r\n"), []);
});
