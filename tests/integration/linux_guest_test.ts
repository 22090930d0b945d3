import { assertEquals, assertStringIncludes } from "@std/assert";
import { linuxGuest, type LinuxGuestOptions } from "../../src/testing/mod.ts";
import { linuxTest } from "./_linux.ts";
import { RawQemu, type RecordedEvent } from "./_raw_qemu.ts";

async function boot(options: LinuxGuestOptions, args: readonly string[]): Promise<RawQemu> {
  const guest = await linuxGuest(options);
  return await RawQemu.start([
    ...["-m", "128", "-kernel", guest.kernel, "-initrd", "{dir}/initrd", "-append", guest.append],
    ...["-serial", "stdio", "-monitor", "unix:{dir}/hmp,server=on,wait=off", ...args],
  ], { initrd: guest.initrd });
}

const shutdown = (reason: string): RecordedEvent => ({ event: "SHUTDOWN", data: { guest: true, reason } });

linuxTest("linuxGuest() boots to a shell with its files, its own commands, network and a disk", async () => {
  await using qemu = await boot({
    files: { "/etc/motd": "a file of mine\n", "/opt/hello": "#!/bin/sh\necho hello, $1\n" },
    init: "/opt/hello init",
  }, [
    ...[
      "-nic",
      "user,model=virtio-net-pci,restrict=on",
      "-blockdev",
      "null-co,size=1048576,read-zeroes=on,node-name=d",
    ],
    ...["-device", "virtio-blk-pci,drive=d"],
  ]);
  await qemu.expect("GUEST-READY\n");
  assertStringIncludes(qemu.transcript, "hello, init\n");
  const answers: [command: string, answer: string][] = [
    ["echo $((40 + 2))", "42\n"],
    ["cat /etc/motd", "a file of mine\n"],
    ["/opt/hello shell", "hello, shell\n"],
    ["cat /sys/block/vda/size", "2048\n"],
    ["ip -4 -o address show eth0 | grep -o 'inet [^ ]*'", "inet 10.0.2.15/24\n"],
    ["dmesg | grep -c segfault", "0\n"],
  ];
  for (const [command, answer] of answers) {
    const before = qemu.transcript.length;
    await qemu.write(`${command}; echo END\n`);
    await qemu.expect("END\n");
    assertEquals(qemu.transcript.slice(before), `${answer}END\n`);
  }
  await qemu.write("poweroff\n");
  const { code, events } = await qemu.end();
  assertEquals([code, events.at(-1)], [0, shutdown("guest-shutdown")]);
});

linuxTest("linuxGuest() obeys the power button as soon as it is ready", async () => {
  await using qemu = await boot({}, []);
  await qemu.expect("GUEST-READY\n");
  await qemu.command("system_powerdown");
  assertEquals((await qemu.end()).events, [{ event: "POWERDOWN" }, shutdown("guest-shutdown")]);
});

linuxTest("linuxGuest() reboots, gives a new shell after an old one, and panics", async () => {
  await using qemu = await boot({}, ["-device", "pvpanic"]);
  await qemu.expect("GUEST-READY\n");
  await qemu.write("reboot -f\n");
  await qemu.expect("GUEST-READY\n");
  await qemu.write("exit\n");
  await qemu.expect("built-in shell");
  await qemu.write("echo still $((1 + 1))\n");
  await qemu.expect("still 2\n");
  await qemu.write("echo c > /proc/sysrq-trigger\n");
  const { events } = await qemu.end();
  assertEquals(events.filter(({ event }) => event !== "RESET"), [
    { event: "GUEST_PANICKED", data: { action: "poweroff" } },
    shutdown("guest-panic"),
  ]);
  assertEquals(events.some(({ event }) => event === "RESET"), true);
});
