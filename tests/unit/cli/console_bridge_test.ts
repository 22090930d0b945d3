import { assertEquals, assertStringIncludes } from "@std/assert";
import { ConsoleBridge } from "../../../src/cli/console_bridge.ts";
import type { ByteTransport } from "../../../src/qmp/mod.ts";
import { SerialConsole } from "../../../src/vm/serial_console.ts";
import { MemoryIo, type Terminals } from "./_memory_io.ts";

/** The guest's end of a console. */
class FakeGuest implements ByteTransport {
  readonly address = "fake";
  /** What was typed into the console. */
  heard = "";
  readonly #said: (Uint8Array | null)[] = [];
  #wake: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** While this is pending, the guest reads nothing. */
  reads: Promise<void> = Promise.resolve();

  say(text: string): void {
    this.#said.push(new TextEncoder().encode(text));
    this.#wake.resolve();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#said.length === 0) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
    const first = this.#said.shift() ?? null;
    if (first !== null) buffer.set(first);
    return first?.length ?? null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.reads;
    this.heard += new TextDecoder().decode(bytes);
  }

  close(): Promise<void> {
    this.#said.push(null);
    this.#wake.resolve();
    return Promise.resolve();
  }
}

function start(terminals: Terminals = {}) {
  const io = new MemoryIo(terminals);
  const notices: string[] = [];
  const asked: string[] = [];
  const bridge = new ConsoleBridge(io, {
    notice: (text) => notices.push(text),
    endAsked: () => asked.push("end"),
  });
  return { io, bridge, notices, asked };
}

const never = new AbortController().signal;
/** Lets everything that can happen happen. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("ConsoleBridge shows what each life says, one after the other, from the start where it is asked to", async () => {
  const { io, bridge } = start();
  const [first, second] = [new FakeGuest(), new FakeGuest()];
  const [early, late] = [new SerialConsole(first), new SerialConsole(second)];
  first.say("said before\n");
  await settled();
  bridge.attach(early, "start");
  first.say("\x1b[1mbold\n");
  bridge.attach(late, "now");
  second.say("second\n");
  await settled();
  assertEquals(io.out, "said before\n\x1b[1mbold\n");
  await early[Symbol.asyncDispose]();
  await late[Symbol.asyncDispose]();
  await bridge.drain(never);
  assertEquals(io.out, "said before\n\x1b[1mbold\nsecond\n");
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge types a pipe into the guest, its Ctrl-A as well, and goes on after its end", async () => {
  const { io, bridge, asked } = start();
  const guest = new FakeGuest();
  await using console = new SerialConsole(guest);
  bridge.attach(console, "now");
  io.type("ls\n\x01x");
  io.endInput();
  await settled();
  assertEquals([guest.heard, asked.length, io.rawDepth], ["ls\n\x01x", 0, 0]);
  guest.say("still here\n");
  await io.until(({ out }) => out === "still here\n");
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge keeps what is piped in between two lives for the second one", async () => {
  const { io, bridge } = start();
  const [first, second] = [new FakeGuest(), new FakeGuest()];
  const early = new SerialConsole(first);
  bridge.attach(early, "now");
  await early[Symbol.asyncDispose]();
  await settled();
  io.type("for the second\n");
  await settled();
  await using late = new SerialConsole(second);
  bridge.attach(late, "now");
  await settled();
  assertEquals([first.heard, second.heard], ["", "for the second\n"]);
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge puts a terminal in raw mode, obeys Ctrl-A x though the guest reads nothing, and restores it", async () => {
  const { io, bridge, notices, asked } = start({ stdin: true });
  const guest = new FakeGuest();
  const reads = Promise.withResolvers<void>();
  guest.reads = reads.promise;
  await using console = new SerialConsole(guest);
  assertEquals(io.rawDepth, 0);
  bridge.attach(console, "now");
  assertEquals(io.rawDepth, 1);
  assertStringIncludes(notices[0] ?? "", "Ctrl-A x ends the guest");
  io.type("typed\x03");
  io.type("\x01x");
  await settled();
  assertEquals([guest.heard, asked], ["", ["end"]]);
  reads.resolve();
  await settled();
  assertEquals(guest.heard, "typed\x03");
  bridge[Symbol.dispose]();
  bridge[Symbol.dispose]();
  assertEquals(io.rawDepth, 0);
});

Deno.test("ConsoleBridge keeps no more than it may of what a guest does not read", async () => {
  const { io, bridge } = start({ stdin: true });
  const guest = new FakeGuest();
  const reads = Promise.withResolvers<void>();
  guest.reads = reads.promise;
  await using console = new SerialConsole(guest);
  bridge.attach(console, "now");
  for (let count = 0; count < 100; count++) io.type("x".repeat(1024));
  await settled();
  reads.resolve();
  await settled();
  assertEquals(guest.heard.length, 64 * 1024);
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge lets the guest go on when stdout breaks, and says so once", async () => {
  const { io, bridge, notices } = start();
  const broken = new ConsoleBridge({
    stdin: io.stdin,
    stderr: io.stderr,
    stdout: { terminal: false, write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")) },
    onStopSignal: (handler) => io.onStopSignal(handler),
  }, { notice: (text) => notices.push(text), endAsked: () => {} });
  const guest = new FakeGuest();
  const console = new SerialConsole(guest);
  broken.attach(console, "now");
  guest.say("a");
  guest.say("b");
  await settled();
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0] ?? "", "the guest goes on");
  await console[Symbol.asyncDispose]();
  await broken.drain(never);
  broken[Symbol.dispose]();
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge.drain() ends with its signal when stdout is stuck", async () => {
  const { io } = start();
  const bridge = new ConsoleBridge({
    stdin: io.stdin,
    stderr: io.stderr,
    stdout: { terminal: false, write: () => new Promise(() => {}) },
    onStopSignal: (handler) => io.onStopSignal(handler),
  }, { notice: () => {}, endAsked: () => {} });
  const guest = new FakeGuest();
  const console = new SerialConsole(guest);
  bridge.attach(console, "now");
  guest.say("a");
  await settled();
  await console[Symbol.asyncDispose]();
  const impatient = new AbortController();
  const drained = bridge.drain(impatient.signal);
  impatient.abort();
  await drained;
  bridge[Symbol.dispose]();
});

Deno.test("ConsoleBridge.breakLine() ends the guest's unfinished line on a terminal, once", async () => {
  const { io, bridge } = start({ stdout: true });
  const guest = new FakeGuest();
  await using console = new SerialConsole(guest);
  bridge.attach(console, "now");
  assertEquals(bridge.breakLine(), "");
  guest.say("login: ");
  await io.until(({ out }) => out === "login: ");
  await settled();
  assertEquals([bridge.breakLine(), bridge.breakLine()], ["\n", ""]);
  guest.say("done\n");
  await io.until(({ out }) => out.endsWith("done\n"));
  await settled();
  assertEquals(bridge.breakLine(), "");
  bridge[Symbol.dispose]();
});
