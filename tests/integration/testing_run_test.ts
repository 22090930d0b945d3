import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { launch, type Vm, type VmConfig } from "../../mod.ts";
import { commandScript } from "../../src/testing/run/command_script.ts";
import { PortChannel } from "../../src/testing/run/port_channel.ts";
import type { GuestCommand } from "../../src/testing/run/run_types.ts";
import {
  GuestCommands,
  GuestFileError,
  linuxGuest,
  RunChannelError,
  runChannelOf,
  RunFailedError,
  runInGuest,
  RunInterruptedError,
  RunTimeoutError,
  withRunPort,
} from "../../src/testing/mod.ts";
import { linuxTest, NO_AGENT } from "./_linux.ts";
import { HostShell, hostShells } from "./_run_shells.ts";

/** All of these have the guest agent in their Linux, whether they use it or not. */
function agentTest(promise: string, fn: () => Promise<void>): void {
  linuxTest(promise, fn, NO_AGENT);
}

/** A Linux guest with this way in; `ready` leaves the boot to whoever runs the first command. */
async function boot(extend: (config: VmConfig) => VmConfig): Promise<Vm> {
  const guest = await linuxGuest({ agent: true });
  const initrd = await Deno.makeTempFile({ prefix: "qeeper-run-" });
  try {
    await Deno.writeFile(initrd, guest.initrd);
    return await launch(extend({
      ...{ machine: "pc", accel: "tcg", memoryMiB: 128 },
      ...{ kernel: guest.kernel, append: guest.append, initrd },
    }));
  } finally {
    // QEMU has read it before the guest starts.
    await Deno.remove(initrd);
  }
}

/** Bytes of every value, of which many make line feeds and marks. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => index * 7 ^ (index >> 8));
}

/** What every way into a guest promises. */
async function checkCommands(commands: GuestCommands): Promise<void> {
  const mixed = await commands.run("echo out; echo err >&2; exit 7");
  assertEquals([mixed.exitCode, mixed.signal, mixed.stdout, mixed.stderr], [7, null, "out\n", "err\n"]);

  // A guest's own marks, NUL, no line feed at the end, and several lines.
  const odd = await commands.run(`printf 'a\\0b\\n\\nQM x\\nQF y'\nprintf "it's\n  two" >&2`);
  assertEquals([odd.exitCode, odd.stdout, odd.stderr], [0, "a\0b\n\nQM x\nQF y", "it's\n  two"]);

  const given = await commands.run('cat; printf %s "$WHO"; pwd', {
    ...{ input: "in\0put\n\n", env: { WHO: "it's\nme" }, cwd: "/proc" },
  });
  assertEquals(given.stdout, "in\0put\n\nit's\nme/proc\n");
  assertEquals((await commands.run("cat; pwd")).stdout, "/\n");

  const ends = [];
  for (
    const command of ["exit 137", "kill -9 $$", "kill -TERM $$", "sh -c 'exit 3'", "exec sh -c 'exit 4'", "'"]
  ) {
    const { exitCode, signal } = await commands.run(command);
    ends.push([exitCode, signal]);
  }
  assertEquals(ends, [[137, null], [null, 9], [null, 15], [3, null], [4, null], [2, null]]);

  const failed = await assertRejects(() => commands.run("ls /nope", { check: true }), RunFailedError);
  assertStringIncludes(failed.message, "No such file");
  assertEquals((await commands.run("echo fine", { check: true })).stdout, "fine\n");
  await assertRejects(() => commands.run("true", { cwd: "/nope" }), GuestFileError, "/nope");

  // What is left in the background does not hold its command up, and does not speak into the next one's output.
  const since = performance.now();
  const left = await commands.run("sh -c 'sleep 0.2; echo late; sleep 100' & echo $!");
  assertLess(performance.now() - since, 50_000);
  assertEquals((await commands.run("sleep 0.4; echo mine")).stdout, "mine\n");
  assertEquals((await commands.run(`kill ${left.stdout}`)).exitCode, 0);

  // Asked for at once, they run one after the other.
  const turns = await Promise.all(
    [1, 2, 3].map((n) => commands.run(`echo ${n} >>/tmp/turns; cat /tmp/turns`)),
  );
  assertEquals(turns.map(({ stdout }) => stdout), ["1\n", "1\n2\n", "1\n2\n3\n"]);
}

async function checkKills(commands: GuestCommands): Promise<void> {
  const alive = async (what: string) => (await commands.run(`ps | grep -c '[s]leep ${what}'`)).stdout.trim();
  const late = await assertRejects(
    () =>
      commands.run("echo so far; echo bad >&2; sleep 4321 & sleep 4321; echo never", { timeoutMs: 1_500 }),
    RunTimeoutError,
  );
  assertEquals([late.stdout, late.stderr, late.known, late.timeoutMs], ["so far\n", "bad\n", "dead", 1_500]);
  assertEquals(await alive("4321"), "0");

  const controller = new AbortController();
  const reason = new Error("enough");
  const heard: string[] = [];
  const aborted = await assertRejects(() =>
    commands.run("echo started; sleep 8765", {
      signal: controller.signal,
      onOutput: ({ text }) => {
        heard.push(text);
        controller.abort(reason);
      },
    }), Error);
  assertEquals([aborted, heard], [reason, ["started\n"]]);
  assertEquals(await alive("8765"), "0");
  await assertRejects(() => commands.run("true", { signal: controller.signal }), Error, "enough");

  const thrown = await assertRejects(() =>
    commands.run("echo started; sleep 9876", {
      onOutput: () => {
        throw reason;
      },
    }), Error);
  assertEquals(thrown, reason);
  assertEquals(await alive("9876"), "0");
}

async function checkLiveOutput(commands: GuestCommands): Promise<void> {
  const heard: string[] = [];
  let go: Promise<unknown> | null = null;
  // The command waits for what its own output sets off, so the output has come while it ran.
  await commands.copyIn("", "/tmp/wait");
  const result = await commands.run(
    "echo one; echo two >&2; n=0; while [ $n -lt 10 ]; do sleep 0.05; n=$((n+1)); done; echo three; exit 5",
    {
      onOutput: ({ stream, text }) => {
        heard.push(`${stream} ${text}`);
        go ??= Promise.resolve();
      },
    },
  );
  assertEquals(heard.toSorted(), ["stderr two\n", "stdout one\n", "stdout three\n"]);
  assertEquals(heard.at(-1), "stdout three\n");
  assertEquals([result.exitCode, result.stdout, result.stderr], [5, "one\nthree\n", "two\n"]);

  // A character that comes in two halves.
  let text = "";
  await commands.run(`printf '\\303'; sleep 0.3; printf '\\251'`, {
    onOutput: (output) => text += output.text,
  });
  assertEquals(text, "é");

  const parts: Uint8Array[] = [];
  const big = await commands.run("cat /tmp/big; sleep 0.1; cat /tmp/big", {
    onOutput: ({ bytes }) => void parts.push(bytes),
  });
  assertEquals(parts.reduce((sum, { length }) => sum + length, 0), big.stdoutBytes.length);
  assertEquals(Uint8Array.from(parts.flatMap((part) => [...part])), big.stdoutBytes);
}

async function checkFiles(commands: GuestCommands, size: number): Promise<void> {
  const data = noise(size);
  await commands.copyIn(data, "/tmp/it's a/deep/file", { mode: 0o640 });
  assertEquals((await commands.run("stat -c '%a %s' \"/tmp/it's a/deep/file\"")).stdout, `640 ${size}\n`);
  assertEquals(await commands.copyOut("/tmp/it's a/deep/file"), data);
  assertEquals((await commands.run("cat >&2; echo done", { input: data })).stderrBytes, data);
  await commands.copyIn("text: é\n", "/tmp/it's a/deep/file");
  assertEquals(await commands.copyOut("/tmp/it's a/deep/file"), new TextEncoder().encode("text: é\n"));
  await commands.copyIn("", "relative");
  assertEquals(await commands.copyOut("relative"), new Uint8Array());
  // A file that has no size, and one that is no plain file.
  assertStringIncludes(new TextDecoder().decode(await commands.copyOut("/proc/version")), "Linux version");
  await commands.copyIn("1", "/proc/sys/kernel/sysrq");

  await assertRejects(() => commands.copyOut("/nope"), GuestFileError, "/nope");
  await assertRejects(() => commands.copyOut("/tmp"), GuestFileError, "directory");
  await assertRejects(() => commands.copyIn("x", "/tmp"), GuestFileError, "/tmp");
  await assertRejects(() => commands.copyIn("x", "/proc/version/x"), GuestFileError);
}

agentTest(
  "GuestCommands does all that it promises over a virtio port, 100 commands in a row included",
  async () => {
    await using vm = await boot(withRunPort);
    assertEquals(runChannelOf(vm), "port");
    await using commands = new GuestCommands(vm);
    // The first command waits until the guest has booted.
    await checkCommands(commands);
    await checkKills(commands);
    await checkFiles(commands, 1_000_003);
    // More than one piece.
    const large = noise(9_000_000);
    await commands.copyIn(large, "/tmp/large");
    assertEquals(await commands.copyOut("/tmp/large"), large);
    await commands.copyIn(noise(200_000), "/tmp/big");
    await checkLiveOutput(commands);
    const since = performance.now();
    for (let n = 0; n < 100; n++) assertEquals((await commands.run(`echo ${n}`)).stdout, `${n}\n`);
    assertLess(performance.now() - since, 60_000);
  },
);

agentTest("GuestCommands does all that it promises over a serial port", async () => {
  await using vm = await boot((config) => withRunPort(config, { device: "serial" }));
  await using commands = new GuestCommands(vm);
  await checkCommands(commands);
  await checkKills(commands);
  await checkFiles(commands, 50_001);
  await commands.copyIn(noise(20_000), "/tmp/big");
  await checkLiveOutput(commands);
});

agentTest("GuestCommands does all that it promises over the guest agent", async () => {
  await using vm = await boot((config) => ({ ...config, agent: true }));
  assertEquals(runChannelOf(vm), "agent");
  await using commands = new GuestCommands(vm);
  await commands.ready({ timeoutMs: 120_000 });
  await checkCommands(commands);
  await checkKills(commands);
  await checkFiles(commands, 1_000_003);
  await commands.copyIn(noise(200_000), "/tmp/big");
  await checkLiveOutput(commands);
});

agentTest("GuestCommands over a console at which somebody has logged in leaves it as it was", async () => {
  await using vm = await boot((config) => config);
  const { console } = vm;
  assert(console !== null);
  await console.expect("GUEST-READY", { timeoutMs: 120_000 });
  // A shell for people: it echoes, has a prompt, and edits lines.
  await console.write("stty sane; PS1='at your service> ' exec sh -i\n");
  await console.expect("at your service> ");
  {
    await using commands = new GuestCommands(vm, { console });
    assertEquals(commands.channel, "console");
    await checkCommands(commands);
    await checkFiles(commands, 20_001);
    // The kernel speaks in the middle of the output, which comes whole all the same.
    await commands.copyIn("echo 'a loud word' >/dev/kmsg; sleep 0.01\n".repeat(30), "/tmp/noise");
    const data = noise(40_000);
    await commands.copyIn(data, "/tmp/data");
    const { stdoutBytes } = await commands.run("dmesg -n 8; sh /tmp/noise & cat /tmp/data", {
      timeoutMs: 120_000,
    });
    assertEquals(stdoutBytes, data);
  }
  await console.expect("at your service> ");
  await console.write("echo back at the sh''ell\n");
  await console.expect("back at the shell");
});

agentTest(
  "GuestCommands over a port finds its way back after a reset, a client before it, and garbage",
  async () => {
    await using vm = await boot(withRunPort);
    await using first = new GuestCommands(vm);
    assertEquals((await first.run("uname")).stdout, "Linux\n");

    // A client that goes in the middle of its command: the next one's guest is free of it.
    const left = first.run("sleep 5432");
    const refused = assertRejects(() => left, RunInterruptedError);
    await first[Symbol.asyncDispose]();
    await refused;
    await assertRejects(() => first.run("true"), RunInterruptedError);
    await using commands = new GuestCommands(vm);
    assertEquals((await commands.run("ps | grep -c '[s]leep 5432'")).stdout, "0\n");
    await commands[Symbol.asyncDispose]();

    // Somebody who leaves half a line, an open quote, and what looks like a request.
    const path = `${vm.runDir}/run`;
    using noisy = await Deno.connect({ transport: "unix", path });
    await noisy.write(new TextEncoder().encode("\nQ x R y 0 'touch /tmp/x' #x\n\x00\xff'\"\necho $("));
    noisy.close();
    await using after = new GuestCommands(vm);
    assertEquals((await after.run("ls /tmp/x; echo here")).stdout, "here\n");

    // The guest's shell goes under a command with the guest, and is another one for the next.
    const begun = Promise.withResolvers<void>();
    const lost = assertRejects(
      () => after.run("echo; sleep 5432", { timeoutMs: 120_000, onOutput: () => begun.resolve() }),
      RunInterruptedError,
    );
    await begun.promise;
    await vm.reset();
    const error = await lost;
    assertStringIncludes(error.message, "`echo; sleep 5432`");
    assertEquals((await after.run("uname", { timeoutMs: 120_000 })).stdout, "Linux\n");

    // And while nothing runs.
    await vm.reset();
    assertEquals((await after.run("uname", { timeoutMs: 120_000 })).stdout, "Linux\n");
  },
);

agentTest(
  "GuestCommands over a port waits for a guest that is paused, and says when it does not come back",
  async () => {
    await using vm = await boot(withRunPort);
    await using commands = new GuestCommands(vm);
    await commands.ready({ timeoutMs: 120_000 });
    await vm.pause();
    const late = await assertRejects(
      () => commands.run("echo once >>/tmp/once", { timeoutMs: 300 }),
      RunTimeoutError,
    );
    assertEquals(late.known, "unknown");
    const waiting = commands.run("echo twice >>/tmp/once; cat /tmp/once");
    await vm.resume();
    // The first one was sent, so it has run or was killed before it could; it does not come after the second.
    assertStringIncludes("once\ntwice\n", (await waiting).stdout);
    assertEquals((await commands.run("tail -n 1 /tmp/once")).stdout, "twice\n");
  },
);

agentTest("GuestCommands over a port says that QEMU went under a command", async () => {
  await using vm = await boot(withRunPort);
  await using commands = new GuestCommands(vm);
  await commands.ready({ timeoutMs: 120_000 });
  const lost = assertRejects(() => commands.run("sleep 100"), RunInterruptedError);
  await vm.kill();
  await lost;
  await assertRejects(() => commands.run("true", { timeoutMs: 10_000 }), Error);
});

Deno.test("runInGuest() says how a guest gets a way in when it has none, and when nobody answers", async () => {
  await using none = await launch({ machine: "none", accel: "tcg" });
  assertEquals(runChannelOf(none), null);
  const error = await assertRejects(() => runInGuest(none, "true"), RunChannelError, "withRunPort");
  assertEquals(error.missing, "channel");
  for (
    const config of [withRunPort({ machine: "pc" }), withRunPort({}, { device: "serial" }), { agent: true }]
  ) {
    await using silent = await launch({ machine: "pc", accel: "tcg", ...config }, { paused: true });
    const mute = await assertRejects(() => runInGuest(silent, "true", { timeoutMs: 200 }), RunChannelError);
    assertEquals(mute.missing, "answer");
  }
});

for (const [name, argv] of await hostShells()) {
  Deno.test(`PortChannel makes its program of ${name}, and gets back exactly what a command wrote`, async () => {
    await using shell = new HostShell(argv);
    const connect = () => shell.connect();
    await using channel = new PortChannel({ connect, device: "virtio" });
    const run = async (text: string, options: Partial<GuestCommand> = {}) => {
      const end = await channel.run({
        ...{ text, script: commandScript(text, {}), input: new Uint8Array(), onOutput: null, ...options },
      }, AbortSignal.timeout(60_000));
      assert(end.kind === "ended");
      return end;
    };
    const data = noise(700_001);
    assertEquals((await run("cat", { input: data })).stdout, data);
    assertEquals((await run("cat >&2", { input: data })).stderr, data);
    const { status, how, stdout } = await run("printf '\\nQM '; kill -9 $$");
    assertEquals([status, how, new TextDecoder().decode(stdout)], [137, null, "\nQM "]);
    const heard: Uint8Array[] = [];
    const live = await run("printf 1; sleep 0.2; printf 2", {
      onOutput: (_, bytes) => void heard.push(bytes),
    });
    assertEquals([live.status, heard.length], [0, 2]);
    // Its files are swept away every so often, and no command reads another's.
    for (let n = 0; n < 70; n++) {
      assertEquals((await run(`printf ${n}`)).stdout, new TextEncoder().encode(`${n}`));
    }
  });
}
