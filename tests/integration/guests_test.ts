import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  bootSector,
  demoDisk,
  diskImage,
  rom,
  type TinyGuest,
  tinyGuests,
  uni,
  uniCommands,
  unirom,
} from "../../src/testing/mod.ts";
import { RawQemu, type RecordedEvent } from "./_raw_qemu.ts";

/** The three ways in which a tiny guest starts. */
const WAYS: Record<string, { image: (code: Uint8Array) => Uint8Array; args: readonly string[] }> = {
  "firmware": { image: rom, args: ["-bios", "{dir}/image"] },
  "boot sector": {
    image: bootSector,
    args: ["-drive", "file={dir}/image,format=raw,if=floppy,readonly=on"],
  },
  "disk": { image: diskImage, args: ["-drive", "file={dir}/image,format=raw,if=ide"] },
};
const SERIAL = ["-serial", "stdio"];

function boot(guest: TinyGuest, way: string, more: readonly string[]): Promise<RawQemu> {
  const { image, args } = WAYS[way] ?? { image: rom, args: [] };
  return RawQemu.start([...args, ...guest.needs, ...more], { image: image(guest.code) });
}

const shutdown = (reason: string): RecordedEvent => ({ event: "SHUTDOWN", data: { guest: true, reason } });

/** The guests that end QEMU, with what it then says: exit code and events. */
const ENDS: { guest: TinyGuest; args: string[]; code: number; events: RecordedEvent[] }[] = [
  { guest: tinyGuests.powerOff, args: [], code: 0, events: [shutdown("guest-shutdown")] },
  { guest: tinyGuests.reset, args: ["-no-reboot"], code: 0, events: [shutdown("guest-reset")] },
  { guest: tinyGuests.keyboardReset, args: ["-no-reboot"], code: 0, events: [shutdown("guest-reset")] },
  { guest: tinyGuests.tripleFault, args: ["-no-reboot"], code: 0, events: [shutdown("guest-reset")] },
  {
    guest: tinyGuests.panic,
    args: [],
    code: 0,
    events: [{ event: "GUEST_PANICKED", data: { action: "poweroff" } }, shutdown("guest-panic")],
  },
  {
    guest: tinyGuests.panic,
    args: ["-action", "panic=exit-failure"],
    code: 1,
    events: [
      { event: "GUEST_PANICKED", data: { action: "poweroff" } },
      shutdown("guest-panic"),
    ],
  },
];

for (const way of Object.keys(WAYS)) {
  Deno.test(`tiny guests that end do so in their own way, as ${way}`, async (t) => {
    for (const { guest, args, code, events } of ENDS) {
      await t.step([guest.name, ...args].join(" "), async () => {
        await using qemu = await boot(guest, way, args);
        const end = await qemu.end();
        assertEquals({ code: end.code, events: end.events, stderr: end.stderr }, {
          code,
          events,
          stderr: "",
        });
      });
    }
  });

  Deno.test(`tinyGuests.printAndHalt prints OK, as ${way}`, async () => {
    await using qemu = await boot(tinyGuests.printAndHalt, way, SERIAL);
    await qemu.expect("OK\n");
  });

  Deno.test(`tinyGuests.echo sends back what it gets, as ${way}`, async () => {
    await using qemu = await boot(tinyGuests.echo, way, SERIAL);
    await qemu.write("hello");
    await qemu.expect("hello");
  });

  Deno.test(`tinyGuests.debugExit ends QEMU with exit code 33, as ${way}`, async () => {
    await using qemu = await boot(tinyGuests.debugExit, way, []);
    // Older QEMUs end without an event, newer ones say SHUTDOWN: the exit code is all that they share.
    assertEquals((await qemu.end()).code, 33);
  });
}

Deno.test("tiny guests run on q35 as on pc", async (t) => {
  for (const { guest, args, code, events } of ENDS) {
    await t.step([guest.name, ...args].join(" "), async () => {
      await using qemu = await boot(guest, "firmware", ["-machine", "q35", ...args]);
      const end = await qemu.end();
      assertEquals({ code: end.code, events: end.events }, { code, events });
    });
  }
});

Deno.test("tinyGuests.tripleFault resets by a triple fault, tinyGuests.reset does not", async () => {
  const logs: string[] = [];
  for (const guest of [tinyGuests.tripleFault, tinyGuests.reset]) {
    await using qemu = await boot(guest, "firmware", ["-no-reboot", "-d", "cpu_reset", "-D", "{dir}/log"]);
    await qemu.end();
    logs.push(new TextDecoder().decode(await qemu.file("log")));
  }
  assertEquals(logs.map((log) => log.includes("Triple fault")), [true, false]);
});

Deno.test("tinyGuests.halt halts the processor and tinyGuests.spin does not", async () => {
  /** Asks for the registers until the guest is where it stays. */
  async function registers(guest: TinyGuest, where: RegExp): Promise<string> {
    await using qemu = await boot(guest, "firmware", ["-monitor", "stdio"]);
    for (;;) {
      const before = qemu.transcript.length;
      await qemu.write("info registers\n");
      await qemu.expect("XMM07");
      const text = qemu.transcript.slice(before);
      if (where.test(text)) return text;
    }
  }
  assertMatch(await registers(tinyGuests.halt, /HLT=1/), /EIP=0000fc02/);
  assertMatch(await registers(tinyGuests.spin, /EIP=0000fc00/), /HLT=0/);
});

Deno.test("tinyGuests.rtcWrite changes the clock", async () => {
  await using qemu = await boot(tinyGuests.rtcWrite, "firmware", ["-rtc", "base=2026-01-01"]);
  const { data } = await qemu.event("RTC_CHANGE");
  // From 2026 to 2030: 1461 days. The guest sets the year alone; the rest of its clock is as old as QEMU is by then.
  const { offset } = data as { offset: number };
  assert(Math.abs(offset - 1461 * 86_400) <= 60, `${offset}`);
});

Deno.test("tinyGuests.watchdog lets the watchdog fire", async () => {
  await using qemu = await boot(tinyGuests.watchdog, "firmware", ["-action", "watchdog=poweroff"]);
  const end = await qemu.end();
  assertEquals(end.events, [{ event: "WATCHDOG", data: { action: "poweroff" } }]);
});

for (const [guest, way] of [[unirom, "firmware"], [uni, "boot sector"], [uni, "disk"]] as const) {
  for (const machine of ["pc", "q35"]) {
    if (way === "boot sector" && machine === "q35") continue; // q35 has no floppy controller
    Deno.test(`${guest.name} obeys its commands, as ${way} on ${machine}`, async () => {
      await using qemu = await boot(guest, way, [...SERIAL, "-machine", machine, "-device", "pvpanic"]);
      await qemu.expect("READY\n");
      await qemu.write("echo");
      await qemu.expect("echo");
      await qemu.write(uniCommands.reset);
      await qemu.expect("READY\n");
      await qemu.write(uniCommands.keyboardReset);
      await qemu.expect("READY\n");
      await qemu.write(uniCommands.tripleFault);
      await qemu.expect("READY\n");
      await qemu.write(uniCommands.obeyPowerButton);
      await qemu.expect("g");
      await qemu.write(uniCommands.powerOff);
      const { code, events } = await qemu.end();
      assertEquals(code, 0);
      assertEquals(events.at(-1), shutdown("guest-shutdown"));
      // A bare ROM resets once each time; SeaBIOS resets the machine once more on its way.
      const resets = events.filter(({ event }) => event === "RESET").length;
      if (guest === unirom) assertEquals(resets, 3);
    });
  }
}

Deno.test("unirom ends in the way it is told", async (t) => {
  const devices = ["-device", "pvpanic", "-device", "isa-debug-exit", "-device", "ib700"];
  const start = (...args: string[]) => boot(unirom, "firmware", [...SERIAL, ...devices, ...args]);

  await t.step("panic", async () => {
    await using qemu = await start();
    await qemu.expect("READY\n");
    await qemu.write(uniCommands.panic);
    assertEquals((await qemu.end()).events.at(-1), shutdown("guest-panic"));
  });
  await t.step("debugExit with a byte", async () => {
    await using qemu = await start();
    await qemu.expect("READY\n");
    await qemu.write(`${uniCommands.debugExit}\x07`);
    assertEquals((await qemu.end()).code, 15);
  });
  await t.step("armWatchdog", async () => {
    await using qemu = await start("-action", "watchdog=poweroff");
    await qemu.expect("READY\n");
    await qemu.write(uniCommands.armWatchdog);
    assertEquals((await qemu.end()).events.map(({ event }) => event), ["WATCHDOG"]);
  });
  await t.step("suspend", async () => {
    await using qemu = await start();
    await qemu.expect("READY\n");
    await qemu.write(uniCommands.suspend);
    assertEquals(await qemu.event("SUSPEND"), { event: "SUSPEND" });
  });
  await t.step("hibernate", async () => {
    await using qemu = await start();
    await qemu.expect("READY\n");
    await qemu.write(uniCommands.hibernate);
    assertEquals((await qemu.end()).events.map(({ event }) => event), ["SUSPEND_DISK", "SHUTDOWN"]);
  });
  await t.step("crashLoad, and it goes on", async () => {
    await using qemu = await start();
    await qemu.expect("READY\n");
    await qemu.write(`${uniCommands.crashLoad}.`);
    await qemu.expect(".");
    assertEquals((await qemu.events()).map(({ event }) => event), ["GUEST_CRASHLOADED"]);
  });
});

Deno.test("uni writes and reads the first hard disk, and says so when there is none", async () => {
  {
    await using qemu = await boot(uni, "disk", SERIAL);
    await qemu.expect("READY\n");
    await qemu.write(uniCommands.writeSector);
    await qemu.expect("+");
    await qemu.write(uniCommands.readSector);
    await qemu.expect("+");
  }
  await using qemu = await boot(uni, "boot sector", SERIAL);
  await qemu.expect("READY\n");
  await qemu.write(uniCommands.readSector);
  await qemu.expect("!");
});

for (const disk of ["ide", "virtio"]) {
  Deno.test(`demoDisk() panics in its first life and powers off in its second, from ${disk}`, async () => {
    let image = demoDisk();
    const lives: { text: string; events: RecordedEvent[] }[] = [];
    for (let life = 1; life <= 2; life++) {
      await using qemu = await RawQemu.start([
        ...["-drive", `file={dir}/disk,format=raw,if=${disk}`, "-device", "pvpanic", ...SERIAL],
      ], { disk: image });
      const { events } = await qemu.end();
      lives.push({ text: qemu.transcript, events });
      image = new Uint8Array(await qemu.file("disk"));
    }
    assertEquals(lives, [
      {
        text: "Hello from life 1\n",
        events: [{ event: "GUEST_PANICKED", data: { action: "poweroff" } }, shutdown("guest-panic")],
      },
      { text: "Hello from life 2\n", events: [shutdown("guest-shutdown")] },
    ]);
  });
}

Deno.test("demoDisk() says the number of a life of several digits", async () => {
  const image = demoDisk();
  new DataView(image.buffer).setUint32(512, 4_294_967_293, true);
  await using qemu = await RawQemu.start([
    ...["-drive", "file={dir}/disk,format=raw,if=ide", ...SERIAL],
  ], { disk: image });
  await qemu.end();
  assertEquals(qemu.transcript, "Hello from life 4294967294\n");
});

Deno.test("demoDisk() says so when its disk can't be written", async () => {
  await using qemu = await RawQemu.start([
    ...["-drive", "file={dir}/disk,format=raw,if=virtio,readonly=on", ...SERIAL],
  ], { disk: demoDisk() });
  await qemu.expect("\n");
  assertStringIncludes(qemu.transcript, "Disk error\n");
});
