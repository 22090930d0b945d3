// The console, the monitor for people, the screen and the forwards of a real QEMU.
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  ConsoleClosedError,
  ConsoleTimeoutError,
  HmpMonitor,
  launch,
  QmpCommandError,
  QmpTimeoutError,
  type Vm,
} from "../../mod.ts";
import { assemble16, rom, tinyGuests, uniCommands } from "../../src/testing/mod.ts";
import { qmpOf, soon, VmHost } from "./_vm_host.ts";

/** Says what is in al as soon as the serial port takes it. A byte that is sent without asking may be lost. */
const PUT = `
put:    mov ah, al
        mov dx, 0x3fd
wait:   in al, dx
        test al, 0x20
        jz wait
        mov al, ah
        mov dx, 0x3f8
        out dx, al
        ret
`;

/** Says this at once, then halts. */
function sayer(text: string): Uint8Array {
  const source = `
        mov sp, 0x7c00
        mov ax, cs
        mov ds, ax
        mov si, text
next:   lodsb
        test al, al
        jz halt
        call put
        jmp next
halt:   cli
        hlt
        jmp halt
${PUT}
text:   db "${text}", 10, 0
`;
  return assemble16(source, { origin: 0xfc00 });
}

const FLOOD_LINES = 65_536;
/** Says a megabyte in numbered lines, and "!" at the end. */
const FLOOD = `
        mov sp, 0x7c00
        mov cx, 0               ; 65536 times round
line:   mov bx, cx
        mov bp, 4
digit:  rol bx, 4
        mov al, bl
        and al, 15
        add al, 'a'
        call put
        dec bp
        jnz digit
        mov bp, 11
pad:    mov al, '.'
        call put
        dec bp
        jnz pad
        mov al, 10
        call put
        dec cx
        jnz line
        mov al, '!'
        call put
halt:   cli
        hlt
        jmp halt
${PUT}`;

Deno.test("SerialConsole has the guest's first byte in each of 20 launches of one that prints at once", async () => {
  await using host = await VmHost.make();
  const text = "the first line, which nobody may miss";
  const bios = `${host.dir}/sayer.rom`;
  await Deno.writeFile(bios, rom(sayer(text)));
  for (let round = 0; round < 20; round++) {
    await using vm = await launch(host.config({ firmware: { bios } }));
    assertEquals((await vm.console?.expect("\n"))?.before, text);
  }
});

Deno.test("SerialConsole has the guest's last byte when the guest powers itself off right after it", async () => {
  await using host = await VmHost.make();
  for (let round = 0; round < 10; round++) {
    await using vm = await host.obedient();
    await vm.console?.write(`the last line${uniCommands.powerOff}`);
    await soon(vm.stopped);
    assertEquals(vm.console?.transcript, "READY\nthe last line");
  }
});

Deno.test("SerialConsole drains a megabyte that nobody reads; the guest does not stall, and nothing is lost", async () => {
  await using host = await VmHost.make();
  const bios = `${host.dir}/flood.rom`;
  await Deno.writeFile(bios, rom(assemble16(FLOOD, { origin: 0xfc00 })));
  await using vm = await launch(host.config({ firmware: { bios } }));
  const { before = "" } = await vm.console?.expect("!") ?? {};
  const lines = before.split("\n");
  assertEquals([lines.length, before.length], [FLOOD_LINES + 1, FLOOD_LINES * 16]);
  assertEquals(lines.slice(0, 3).map((line) => line.slice(0, 4)), ["aaaa", "pppp", "pppo"]);
  await vm.shutdown({ powerdownMs: 0 });
  // QEMU's own log may have a byte twice where its socket was full, but it has all of them.
  const log = await Deno.readTextFile(`${vm.runDir}/console.log`);
  assertEquals(withoutRepeats(log, `${before}!`), `${before}!`);
});

/** As much of a text as a log has, in which any byte may stand several times. */
function withoutRepeats(log: string, text: string): string {
  let at = 0;
  for (const char of log) {
    if (char === text[at]) at++;
    else if (char !== text[at - 1]) break;
  }
  return text.slice(0, at);
}

Deno.test("SerialConsole.expect() finds in order, times out with what was heard, and ends with QEMU", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const { console } = vm;
  assert(console);
  await console.write("one, ten, three.");
  assertEquals((await console.expect("ten")).before, "one, ");
  assertEquals((await console.expect(/(\w+)\./)).groups, ["three"]);
  const error = await assertRejects(() => console.expect("one", { timeoutMs: 20 }), ConsoleTimeoutError);
  assertEquals(error.heard, "");
  const waiting = assertRejects(() => console.expect("never"), ConsoleClosedError);
  await vm.kill();
  await waiting;
  await assertRejects(() => console.write("x"), ConsoleClosedError);
});

/** Sends back each byte that it gets. */
const ECHO = `
        mov sp, 0x7c00
start:  mov dx, 0x3fd
        in al, dx
        test al, 1
        jz start
        mov dx, 0x3f8
        in al, dx
        call put
        jmp start
${PUT}`;

Deno.test("SerialConsole takes two writers without mixing them", async () => {
  await using host = await VmHost.make();
  const bios = `${host.dir}/echo.rom`;
  await Deno.writeFile(bios, rom(assemble16(ECHO, { origin: 0xfc00 })));
  await using vm = await launch(host.config({ firmware: { bios } }));
  const words = Array.from({ length: 50 }, (_, index) => `<${index} abcdefghijklmno>`);
  await Promise.all(words.map((word) => vm.console?.write(word)));
  assertEquals((await vm.console?.expect("<49 abcdefghijklmno>"))?.before, words.slice(0, -1).join(""));
});

function hmpOf(vm: Vm): HmpMonitor {
  const monitor = vm.monitors.get("hmp");
  assert(monitor instanceof HmpMonitor);
  return monitor;
}

Deno.test("HmpMonitor.execute() gives what the monitor prints, errors included", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  const hmp = hmpOf(vm);
  assertEquals(await hmp.execute("info status"), "VM status: paused (prelaunch)\n");
  assertEquals(await hmp.execute("nonsense"), "unknown command: 'nonsense'\n");
  assertEquals(await hmp.execute("cont"), "");
  assertEquals((await vm.status()).running, true);
  const registers = await hmp.execute("info registers");
  assert(registers.includes("EIP=") && registers.endsWith("\n"), registers);
  await assertRejects(() => hmp.execute("info status\nquit"), TypeError, "one at a time");
});

Deno.test("HmpMonitor.execute() leaves the monitor free for others between two commands, and says when they have it", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  const hmp = hmpOf(vm);
  await hmp.execute("info status");
  {
    using person = await Deno.connect({ transport: "unix", path: `${vm.runDir}/hmp` });
    const buffer = new Uint8Array(4096);
    let greeting = "";
    while (!greeting.endsWith("(qemu) ")) {
      const count = await person.read(buffer);
      greeting += new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    }
    await assertRejects(
      () => hmp.execute("info status", { timeoutMs: 500 }),
      Error,
      "a readline monitor serves one client at a time, so another one may have it",
    );
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => hmp.execute("info status", { signal }), Error, "enough");
    const controller = new AbortController();
    const waiting = hmp.execute("info status", { signal: controller.signal });
    controller.abort(new Error("enough of it"));
    await assertRejects(() => waiting, Error, "enough of it");
  }
  assertEquals(await hmp.execute("info status"), "VM status: paused (prelaunch)\n");
});

Deno.test("HmpMonitor.execute() of quit returns, and QEMU ends", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  await hmpOf(vm).execute("quit");
  assertEquals((await soon(vm.stopped)).cause, "host-quit");
});

Deno.test("Vm.hmp() goes by way of QMP", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  assertEquals(await vm.hmp("info status"), "VM status: paused (prelaunch)\r\n");
});

Deno.test("Vm.screenshot() is a PNG of the screen, and leaves no file; without a card it says what is missing", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config({ vga: "std" }), { paused: true });
  const png = await vm.screenshot();
  assertEquals([...png.slice(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  assertEquals(new TextDecoder().decode(png.slice(12, 16)), "IHDR");
  const { length } = await Array.fromAsync(Deno.readDir(vm.runDir ?? ""));
  await vm.screenshot();
  assertEquals((await Array.fromAsync(Deno.readDir(vm.runDir ?? ""))).length, length);

  await using blind = await launch(host.config(), { paused: true });
  await assertRejects(() => blind.screenshot(), QmpCommandError, "no console");
});

Deno.test("Vm.forwards() has the host ports that QEMU chose, and they are open", async () => {
  await using host = await VmHost.make();
  const forward = [{ guest: 22 }, { guest: 80, host: 0 }];
  await using vm = await launch(host.config({ networks: [{ type: "user", forward }] }), { paused: true });
  const forwards = await vm.forwards();
  assertEquals(forwards.map(({ guestPort, protocol }) => [guestPort, protocol]), [[22, "tcp"], [80, "tcp"]]);
  for (const { hostAddress, hostPort } of forwards) {
    assert(hostPort > 0);
    (await Deno.connect({ hostname: hostAddress, port: hostPort })).close();
  }
});

Deno.test("Vm.pause(), resume() and reset() do that, and nothing else", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  using events = vm.events();
  using ends = vm.ends();
  await vm.console?.expect("READY\n");
  await vm.pause();
  assertEquals((await vm.status()).status, "paused");
  await vm.reset();
  assertEquals((await vm.status()).running, false, "a paused guest stays so");
  await vm.resume();
  await vm.console?.expect("READY\n");
  await vm.reset();
  await vm.console?.expect("READY\n");
  await vm.shutdown({ powerdownMs: 0 });
  const seen = (await Array.fromAsync(events)).map(({ event }) => event);
  assertEquals(seen, ["RESUME", "STOP", "RESET", "RESUME", "RESET", "SHUTDOWN"]);
  assertEquals(await Array.fromAsync(ends), [], "none of it was an end of the guest's own");
});

Deno.test("Vm's questions take a signal and a time limit, also where QEMU does not answer", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  Deno.kill(vm.pid ?? 0, "SIGSTOP");
  const questions: Record<
    string,
    (options: { signal?: AbortSignal; timeoutMs?: number }) => Promise<unknown>
  > = {
    status: (options) => vm.status(options),
    hmp: (options) => vm.hmp("info status", options),
    forwards: (options) => vm.forwards(options),
    pause: (options) => vm.pause(options),
    resume: (options) => vm.resume(options),
    reset: (options) => vm.reset(options),
    screenshot: (options) => vm.screenshot(options),
  };
  await Promise.all(
    Object.entries(questions).map(async ([name, ask]) => {
      await assertRejects(() => ask({ timeoutMs: 10 }), QmpTimeoutError, undefined, name);
      const controller = new AbortController();
      const asked = ask({ signal: controller.signal });
      controller.abort(new Error(`no more ${name}`));
      await assertRejects(() => asked, Error, `no more ${name}`);
    }),
  );
  await vm.kill();
});

Deno.test("a guest that spins or halts does not keep its VM from being looked at", async () => {
  await using host = await VmHost.make();
  for (const { code } of [tinyGuests.spin, tinyGuests.halt]) {
    const bios = `${host.dir}/guest.rom`;
    await Deno.writeFile(bios, rom(code));
    await using vm = await launch(host.config({ firmware: { bios } }));
    const startedMs = performance.now();
    assertEquals((await qmpOf(vm, "watch").execute("query-status")).running, true);
    assertLess(performance.now() - startedMs, 5_000);
  }
});
