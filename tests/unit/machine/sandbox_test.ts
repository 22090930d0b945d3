import { assertEquals } from "@std/assert";
import { needsSpawn, sandboxArgs } from "../../../src/machine/sandbox.ts";
import type { VmConfig } from "../../../src/machine/mod.ts";

Deno.test("needsSpawn() is true where QEMU would start a program, and only there", () => {
  const cases: [VmConfig, boolean][] = [
    [{}, false],
    [{ incoming: "defer" }, false],
    [{ incoming: "unix:/run/exec.sock" }, true], // Too careful, never too strict.
    [{ incoming: "exec:cat state" }, true],
    [{ networks: [{ type: "tap", ifname: "tap0" }] }, false],
    [{ extraArgs: ["-incoming", "exec:cat state"] }, true],
    [{ extraArgs: ["-netdev", "tap,id=t,ifname=x"] }, true],
    [{ extraArgs: ["-netdev", "tap,id=t,script=no"] }, true],
    [{ extraArgs: ["-netdev", "tap,id=t,script=no,downscript=no"] }, false],
    [{ extraArgs: ["-netdev", "tap,id=t,fd=3"] }, false],
    [{ extraArgs: ["-netdev", "bridge,id=b,br=br0"] }, true],
    [{ extraArgs: ["-netdev", "tap,id=t,script=no,downscript=no,helper=/usr/lib/qemu-bridge-helper"] }, true],
    [{ extraArgs: ["-netdev", "user,id=u,smb=/srv"] }, true],
    [{ extraArgs: ["-netdev", "user,id=u,guestfwd=tcp:10.0.2.100:1-cmd:cat"] }, true],
    [{ extraArgs: ["-netdev", `{"type":"bridge","id":"b"}`] }, true],
    [{ extraArgs: ["-device", "virtio-net-pci,netdev=tap"] }, false],
    [{ extraArgs: ["-object", "tapestry"] }, false],
  ];
  for (const [config, expected] of cases) assertEquals(needsSpawn(config), expected, JSON.stringify(config));
});

Deno.test("sandboxArgs() has the filter where the binary has it, unless the config decides", () => {
  const FULL = ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];
  const SPAWNING = ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny"];
  assertEquals(sandboxArgs({}, { sandbox: true }), FULL);
  assertEquals(sandboxArgs({}, { sandbox: false }), []);
  assertEquals(sandboxArgs({ sandbox: false }, { sandbox: true }), []);
  assertEquals(sandboxArgs({ sandbox: true }, { sandbox: false }), FULL);
  assertEquals(sandboxArgs({ sandbox: "allow-spawn" }, { sandbox: true }), SPAWNING);
  assertEquals(sandboxArgs({ sandbox: true, incoming: "exec:cat" }, { sandbox: true }), SPAWNING);
});
