import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { VmConfig } from "../../../../src/machine/mod.ts";
import { findRunPort, withRunPort } from "../../../../src/testing/run/run_port.ts";

const CHARDEV = ["-chardev", "socket,id=run,path=run,server=on,wait=off"];
const PORT = ["-device", "virtserialport,id=run,chardev=run,name=org.qeeper.run"];

Deno.test("withRunPort() adds what each board can have", () => {
  const cases: [config: VmConfig, device: string[]][] = [
    [{}, ["-device", "virtio-serial-pci,id=run-bus", ...PORT]],
    [{ machine: "microvm" }, ["-device", "virtio-serial-device,id=run-bus", ...PORT]],
    [{ arch: "aarch64" }, ["-device", "virtio-serial-pci,id=run-bus", ...PORT]],
    [{ arch: "s390x" }, ["-device", "virtio-serial-ccw,id=run-bus", ...PORT]],
    [{ machine: "isapc" }, ["-serial", "chardev:run"]],
    // There is a bus for the console already.
    [{ console: "virtio" }, PORT],
  ];
  for (const [config, device] of cases) {
    assertEquals(withRunPort(config), { ...config, extraArgs: [...CHARDEV, ...device] });
  }
});

Deno.test("withRunPort() leaves a config alone that has a way into the guest", () => {
  const agent = { agent: true };
  assertStrictEquals(withRunPort(agent), agent);
  for (const device of ["virtio", "serial"] as const) {
    const config = withRunPort({ extraArgs: ["-no-hpet"] }, { device });
    assertEquals(config.extraArgs?.[0], "-no-hpet");
    assertStrictEquals(withRunPort(config), config);
  }
});

Deno.test("withRunPort() tells a kernel that is booted directly which serial port it is", () => {
  const append = (config: VmConfig) =>
    withRunPort({ kernel: "vmlinuz", ...config }, { device: "serial" }).append;
  assertEquals(append({ append: "quiet" }), "quiet qeeper.run=ttyS1");
  assertEquals(append({ console: "none" }), "qeeper.run=ttyS0");
  assertEquals(append({ extraArgs: ["-serial", "null"] }), "qeeper.run=ttyS2");
  assertEquals(withRunPort({}, { device: "serial" }).append, undefined);
});

Deno.test("withRunPort() refuses a serial port where the board has no second one", () => {
  assertThrows(() => withRunPort({ arch: "aarch64" }, { device: "serial" }), RangeError, "virtio");
});

Deno.test("findRunPort() finds the socket and the device in a command line", () => {
  const argv = (config: VmConfig) => ["qemu", ...(config.extraArgs ?? [])];
  assertEquals(findRunPort(argv(withRunPort({})), "/run/vm"), { path: "/run/vm/run", device: "virtio" });
  assertEquals(findRunPort(argv(withRunPort({}, { device: "serial" })), "/run/vm"), {
    path: "/run/vm/run",
    device: "serial",
  });
  const own = ["-chardev", "socket,path=/a,,b/c,id=run,server=on", "-device", "virtserialport,chardev=run"];
  assertEquals(findRunPort(own, "/run/vm"), { path: "/a,b/c", device: "virtio" });
  assertEquals(
    findRunPort(["-chardev", "socket,id=runner,path=run", "-name", "socket,id=run,path=x"], "/"),
    null,
  );
  assertEquals(findRunPort([], ""), null);
});
