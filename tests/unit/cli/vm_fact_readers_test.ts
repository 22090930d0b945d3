import { assertEquals } from "@std/assert";
import { readBlock, readNetwork } from "../../../src/cli/vm_fact_readers.ts";

Deno.test("readNetwork() tells cards from what they are connected to", () => {
  const text = "net0-nic: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\r\n" +
    " \\ net0: index=0,type=user,net=10.0.2.0,restrict=off\r\n" +
    "alone: index=0,type=nic,model=virtio-net-pci\r\n";
  assertEquals(readNetwork(text), [
    { name: "net0-nic", type: "nic", peer: null, details: "model=e1000,macaddr=52:54:00:12:34:56" },
    { name: "net0", type: "user", peer: "net0-nic", details: "net=10.0.2.0,restrict=off" },
    { name: "alone", type: "nic", peer: null, details: "model=virtio-net-pci" },
  ]);
  assertEquals(readNetwork(""), []);
});

Deno.test("readBlock() reads drives, and names a device that has no drive's name by its place", () => {
  const image = { "virtual-size": 9007199254740993n };
  assertEquals(
    readBlock([
      {
        device: "",
        qdev: "/machine/x",
        "io-status": "nospace",
        inserted: { ro: true, drv: "raw", file: "/a", image },
      },
      { device: "cd0" },
    ]),
    [
      {
        device: "/machine/x",
        file: "/a",
        format: "raw",
        sizeBytes: 9007199254740993n,
        readonly: true,
        ioStatus: "nospace",
      },
      { device: "cd0", file: null, format: null, sizeBytes: null, readonly: false, ioStatus: null },
    ],
  );
});
