import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type AgentPort,
  QgaAbsentError,
  QgaClient,
  QgaCommandError,
  QgaDisabledError,
  QgaInterruptedError,
  QgaProtocolError,
  QgaThawError,
  QgaTimeoutError,
} from "../../src/qga/mod.ts";
import { launch, type Vm } from "../../mod.ts";
import { linuxGuest } from "../../src/testing/mod.ts";
import { agentFiles } from "../../tools/setup/agent_assets.ts";
import { linuxTest, NO_LINUX } from "./_linux.ts";
import { type AgentCommand, failure, FakeAgent, result, type Script } from "./_fake_agent.ts";

/** An agent that does what the table says: an answer for each command's name, else silence. */
function table(answers: Readonly<Record<string, string | null>>): Script {
  return ({ execute }) => answers[execute] ?? null;
}

const names = (commands: readonly AgentCommand[]) => commands.map(({ execute }) => execute);
const port = (state: "open" | "shut"): AgentPort => ({
  isOpen: () => Promise.resolve(state === "open"),
  opened: () => Promise.resolve(),
});

Deno.test("QgaClient.execute() drops stale bytes, cut-off JSON and the error before the delimiter, and syncs once", async () => {
  const stale = `{"return": {"pid": 1}}\n{"return": {"half":\n{"return": 99}\n`;
  await using fake = await FakeAgent.start(({ execute, arguments: args }) => {
    if (execute === "guest-sync-delimited") return stale;
    return execute === "guest-get-time" ? result(args ?? "now") : result({});
  });
  await using agent = await QgaClient.connect(fake.address);
  assertEquals(await agent.execute("guest-get-time") as unknown, "now");
  assertEquals(await agent.execute("guest-ping"), {});
  assertEquals(fake.syncs, 1);
});

Deno.test("QgaClient.execute() sends one command at a time, in the order of the calls", async () => {
  let under = "none";
  await using fake = await FakeAgent.start(({ execute }) => {
    if (execute === "guest-sync-delimited") return null;
    assertEquals(under, "none");
    under = execute;
    queueMicrotask(() => under = "none");
    return result(execute);
  });
  await using agent = new QgaClient(fake.address);
  const asked = ["guest-info", "guest-get-time", "guest-ping"];
  assertEquals(await Promise.all(asked.map((name) => agent.execute(name))), asked);
  assertEquals(names(fake.commands), asked);
});

Deno.test("QgaClient.execute() is in step again after a time-out whose answer comes late", async () => {
  await using fake = await FakeAgent.start(({ execute }, times) => {
    if (execute === "guest-sync-delimited") return times === 2 ? result("late") : null;
    return execute === "guest-fstrim" ? null : result("mine");
  });
  await using agent = new QgaClient(fake.address);
  await agent.execute("guest-ping");
  const error = await assertRejects(
    () => agent.execute("guest-fstrim", {}, { timeoutMs: 50 }),
    QgaTimeoutError,
  );
  assertEquals([error.command, error.sent], ["guest-fstrim", true]);
  assertEquals(await agent.execute("guest-get-time") as unknown, "mine");
  assertEquals(fake.syncs, 2);
});

Deno.test("QgaClient.execute() is in step again after an abort, whose reason it rejects with", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  await using fake = await FakeAgent.start(({ execute }) => {
    if (execute === "guest-fstrim") controller.abort(reason);
    return execute === "guest-ping" ? result({}) : null;
  });
  await using agent = await QgaClient.connect(fake.address);
  const asked = agent.execute("guest-fstrim", {}, { signal: controller.signal });
  assertEquals(await asked.catch((error) => error), reason);
  assertEquals(await agent.execute("guest-ping"), {});
  assertEquals(fake.syncs, 2);
});

Deno.test("QgaClient.execute() says of a silent agent that nothing was sent", async () => {
  await using fake = await FakeAgent.start(() => "silent");
  await using agent = new QgaClient(fake.address, { port: port("open") });
  const error = await assertRejects(
    () => agent.execute("guest-ping", {}, { timeoutMs: 50 }),
    QgaTimeoutError,
  );
  assertEquals([error.sent, names(fake.commands)], [false, []]);
});

Deno.test("QgaClient.execute() asks a silent agent again, and drops the late answer to the first question", async () => {
  await using fake = await FakeAgent.start(({ execute }, times) => {
    if (execute !== "guest-sync-delimited") return result("here");
    return times === 1 ? "silent" : `\n{"return": 1}\n`;
  });
  await using agent = new QgaClient(fake.address);
  assertEquals(await agent.execute("guest-get-time") as unknown, "here");
  assertEquals(fake.syncs, 2);
});

Deno.test("QgaClient.execute() tells an absent agent by its port, before anything is sent", async () => {
  await using fake = await FakeAgent.start(() => null);
  await using agent = new QgaClient(fake.address, { port: port("shut") });
  const error = await assertRejects(() => agent.execute("guest-ping"), QgaAbsentError);
  assertEquals([error.missing, fake.syncs], ["agent", 0]);
});

Deno.test("QgaClient.execute() tells a disabled and an unknown command from one that failed, and goes on in step", async () => {
  await using fake = await FakeAgent.start(table({
    "guest-exec": failure(
      "CommandNotFound",
      "Command guest-exec has been disabled: the agent is in frozen state",
    ),
    "guest-get-load": failure("CommandNotFound", "The command guest-get-load has not been found"),
    "guest-file-open": failure("GenericError", "No such file"),
    "guest-ping": result({}),
  }));
  await using agent = new QgaClient(fake.address);
  const disabled = await assertRejects(() => agent.exec("uname"), QgaDisabledError);
  assertStringIncludes(disabled.message, "frozen");
  await assertRejects(() => agent.execute("guest-get-load"), QgaDisabledError);
  const failed = await assertRejects(() => agent.execute("guest-file-open", { path: "/a" }), QgaCommandError);
  assertEquals([failed.class, failed.desc], ["GenericError", "No such file"]);
  await agent.execute("guest-ping");
  assertEquals(fake.syncs, 1);
});

Deno.test("QgaClient.execute() refuses garbage and what is no answer, and starts afresh after it", async () => {
  await using fake = await FakeAgent.start(table({
    "guest-info": "no JSON\n",
    "guest-get-time": `{"event": "what"}\n`,
    "guest-ping": result({}),
  }));
  await using agent = new QgaClient(fake.address);
  await assertRejects(() => agent.execute("guest-info"), QgaProtocolError, "no JSON object");
  await assertRejects(() => agent.execute("guest-get-time"), QgaProtocolError, "neither");
  assertEquals(await agent.execute("guest-ping"), {});
  assertEquals(fake.syncs, 3);
});

Deno.test("QgaClient.execute() resolves a command without a reply, and rejects it when an error comes", async () => {
  await using fake = await FakeAgent.start(table({
    "guest-suspend-ram": failure("GenericError", "not supported by guest OS"),
    "guest-ping": result({}),
  }));
  await using agent = new QgaClient(fake.address);
  assertEquals(await agent.execute("guest-shutdown", { mode: "reboot" }), {});
  await assertRejects(() => agent.execute("guest-suspend-ram"), QgaCommandError, "not supported");
  await agent.execute("guest-ping");
  assertEquals(names(fake.commands), ["guest-shutdown", "guest-suspend-ram", "guest-ping"]);
  assertEquals(fake.commands[0]?.arguments, { mode: "reboot" });
});

Deno.test("QgaClient.execute() says that the connection went under a command, and connects again for the next", async () => {
  await using fake = await FakeAgent.start(({ execute }) => {
    if (execute === "guest-fstrim") fake.hangUp();
    return execute === "guest-ping" ? result({}) : null;
  });
  await using agent = new QgaClient(fake.address);
  const error = await assertRejects(() => agent.execute("guest-fstrim"), QgaInterruptedError);
  assertEquals(error.sent, true);
  assertEquals(await agent.execute("guest-ping"), {});
});

Deno.test("QgaClient.close() ends what is under way and what waits", async () => {
  const arrived = Promise.withResolvers<void>();
  await using fake = await FakeAgent.start(({ execute }) => {
    if (execute === "guest-fstrim") arrived.resolve();
    return null;
  });
  const agent = new QgaClient(fake.address);
  const calls = ["guest-fstrim", "guest-ping"].map((name) => agent.execute(name).catch((error) => error));
  await arrived.promise;
  await agent.close();
  const errors = await Promise.all(calls);
  assert(errors.every((error) => error instanceof QgaInterruptedError));
  assertEquals(errors.map(({ sent }) => sent), [true, false]);
});

Deno.test("QgaClient.exec() asks until the program has ended, and decodes what it wrote", async () => {
  const said = { "out-data": btoa("out\n"), "err-data": btoa("err"), "err-truncated": true };
  await using fake = await FakeAgent.start(({ execute }, times) => {
    if (execute === "guest-exec") return result({ pid: 113 });
    if (execute !== "guest-exec-status") return null;
    return result(times < 3 ? { exited: false } : { exited: true, exitcode: 3, ...said });
  });
  await using agent = new QgaClient(fake.address);
  const ended = await agent.exec("/bin/tool", ["-a", "b c"], { env: { HOME: "/" }, input: "in" });
  assertEquals([ended.pid, ended.exitCode, ended.signal, ended.success], [113, 3, null, false]);
  assertEquals([ended.stdoutText, ended.stderrText], ["out\n", "err"]);
  assertEquals(ended.truncated, { stdout: false, stderr: true });
  assertEquals(fake.commands[0]?.arguments, {
    ...{ path: "/bin/tool", arg: ["-a", "b c"], env: ["HOME=/"], "input-data": btoa("in") },
    "capture-output": true,
  });
});

Deno.test("QgaClient.exec() stops waiting for a program that goes on, at its time limit", async () => {
  await using fake = await FakeAgent.start(
    table({ "guest-exec": result({ pid: 1 }), "guest-exec-status": result({ exited: false }) }),
  );
  await using agent = new QgaClient(fake.address);
  const error = await assertRejects(() => agent.exec("sleep", ["9"], { timeoutMs: 1_000 }), QgaTimeoutError);
  assertEquals([error.command, error.sent], ["guest-exec sleep", true]);
});

Deno.test("QgaClient.writeFile() goes on after a short write; readFile() closes the file whatever happens", async () => {
  const answers: Record<string, string> = {
    "guest-file-open": result(1000),
    "guest-file-write": result({ count: 2, eof: false }),
    "guest-file-flush": result({}),
    "guest-file-close": result({}),
    "guest-file-read": result({ count: 4, "buf-b64": btoa("data"), eof: false }),
  };
  await using fake = await FakeAgent.start(table(answers));
  await using agent = new QgaClient(fake.address);
  await agent.writeFile("/a", "four");
  const open = "guest-file-open", write = "guest-file-write", close = "guest-file-close";
  assertEquals(names(fake.commands), [open, write, write, "guest-file-flush", close]);
  assertEquals(fake.commands[2]?.arguments?.["buf-b64"], btoa("ur"));
  await assertRejects(() => agent.readFile("/endless", { maxBytes: 10 }), RangeError, "at most 10 bytes");
  assertEquals(names(fake.commands).at(-1), close);
  answers["guest-file-read"] = failure("GenericError", "Is a directory");
  await assertRejects(() => agent.readFile("/dir"), QgaCommandError, "directory");
  assertEquals(names(fake.commands).at(-1), close);
});

Deno.test("QgaClient.frozen() thaws after the action, and when it throws", async () => {
  await using fake = await FakeAgent.start(
    table({ "guest-fsfreeze-freeze": result(2), "guest-fsfreeze-thaw": result(2) }),
  );
  await using agent = new QgaClient(fake.address);
  assertEquals(await agent.frozen((count) => Promise.resolve(count + 40)), 42);
  await assertRejects(() => agent.frozen(() => Promise.reject(new Error("mine"))), Error, "mine");
  const both = ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"];
  assertEquals(names(fake.commands), [...both, ...both]);
});

Deno.test("QgaClient.frozen() thaws after a freeze that timed out, and not after one that was refused", async () => {
  const answers: Record<string, string> = { "guest-fsfreeze-thaw": result(0) };
  await using fake = await FakeAgent.start(table(answers));
  await using agent = new QgaClient(fake.address);
  const never = () => Promise.reject(new Error("must not run"));
  await assertRejects(() => agent.frozen(never, { freezeMs: 500 }), QgaTimeoutError);
  assertEquals(names(fake.commands), ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]);
  answers["guest-fsfreeze-freeze"] = failure(
    "CommandNotFound",
    "Command guest-fsfreeze-freeze has been disabled",
  );
  await assertRejects(() => agent.frozen(never), QgaDisabledError);
  assertEquals(names(fake.commands).at(-1), "guest-fsfreeze-freeze");
});

Deno.test("QgaClient.frozen() thaws a second time, and says it loudly when that fails as well", async () => {
  let failing = 1;
  await using fake = await FakeAgent.start(({ execute }) => {
    if (execute === "guest-fsfreeze-freeze") return result(1);
    if (execute !== "guest-fsfreeze-thaw") return null;
    return failing-- > 0 ? failure("GenericError", "busy") : result(1);
  });
  await using agent = new QgaClient(fake.address);
  assertEquals(await agent.frozen(() => Promise.resolve("done")), "done");
  failing = 2;
  const mine = new Error("mine");
  const error = await assertRejects(() => agent.frozen(() => Promise.reject(mine)), QgaThawError, "FROZEN");
  assertEquals([error.attempts.length, error.before], [2, { error: mine }]);
});

const FOLDER = new URL("../../.cache/agent", import.meta.url).pathname;
/** The agent's program and libraries by their paths in the guest; null where `deno task setup` could not get them. */
const FILES = await agentFiles(FOLDER);
if (FILES === null && Deno.env.get("CI") === "true") throw new Error(`There is no ${FOLDER}`);

function realTest(promise: string, fn: () => Promise<void>): void {
  linuxTest(promise, fn, FILES === null ? `no ${FOLDER}; run \`deno task setup\` on Debian` : NO_LINUX);
}

/** What starts the agent: without udev the port has no name in /dev. */
const START = "/usr/sbin/qemu-ga -m virtio-serial -t /run -p " +
  "/dev/$(grep -l '^org.qemu.guest_agent.0' /sys/class/virtio-ports/*/name | cut -d/ -f5) " +
  "</dev/null >/dev/null 2>&1 &\n";

/** A Linux guest whose agent starts when `go` is written to its console. */
async function boot(dir: string): Promise<Vm> {
  const guest = await linuxGuest({ files: { ...FILES, "sbin/agent": `#!/bin/sh\n${START}` } });
  await Deno.writeFile(`${dir}/initrd`, guest.initrd);
  return await launch({
    ...{ machine: "pc", accel: "tcg", memoryMiB: 128, agent: true },
    kernel: guest.kernel,
    initrd: `${dir}/initrd`,
    append: guest.append,
  });
}

realTest(
  "Vm.agent is absent at first, is ready when the real agent has come, and does what it is told",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-qga-" });
    await using disposal = new AsyncDisposableStack();
    disposal.defer(() => Deno.remove(dir, { recursive: true }));
    await using vm = await boot(dir);
    const { agent, console } = vm;
    assert(agent !== null && console !== null);
    const absent = await assertRejects(() => agent.execute("guest-ping"), QgaAbsentError);
    assertEquals(absent.missing, "agent");

    await console.expect("GUEST-READY", { timeoutMs: 120_000 });
    await console.write("agent\n");
    await agent.ready({ timeoutMs: 60_000 });
    assertStringIncludes((await agent.execute("guest-info")).version, ".");

    const uname = await agent.exec("/bin/uname", ["-s"]);
    assertEquals([uname.exitCode, uname.stdoutText, uname.stderrText], [0, "Linux\n", ""]);
    const script = "cat; echo $WHO >&2; exit 7";
    const mixed = await agent.exec("/bin/sh", ["-c", script], { input: "in\0put", env: { WHO: "me" } });
    assertEquals([mixed.exitCode, mixed.stdoutText, mixed.stderrText], [7, "in\0put", "me\n"]);
    assertEquals((await agent.exec("/bin/sh", ["-c", "kill -9 $$"])).signal, 9);
    await assertRejects(() => agent.exec("/bin/nope"), QgaCommandError, "No such file");

    // More than two chunks, and not a multiple of anything.
    const data = Uint8Array.from({ length: 150_001 }, (_, i) => (i * 7919) >> 3);
    await agent.writeFile("/tmp/file", data);
    await agent.writeFile("/tmp/file", "end", { existing: "append" });
    const back = await agent.readFile("/tmp/file");
    assertEquals([back.length, new TextDecoder().decode(back.subarray(-3))], [150_004, "end"]);
    assertEquals(back.subarray(0, -3), data);
    await assertRejects(() => agent.execute("no-such-command" as string), QgaDisabledError);

    await vm.pause();
    const silent = await assertRejects(
      () => agent.execute("guest-ping", {}, { timeoutMs: 200 }),
      QgaTimeoutError,
    );
    assertEquals(silent.sent, true);
    await vm.resume();
    // The late answer to the ping is not taken for this one's.
    // It is in nanoseconds, which a number would round.
    assertEquals(typeof await agent.execute("guest-get-time"), "bigint");
    // This guest has nothing that could be frozen; the commands are real nevertheless.
    assertEquals(await agent.frozen((count) => Promise.resolve(`${count} frozen`)), "0 frozen");

    // Nothing in this guest sees the power button any more.
    const deaf = await agent.exec("/bin/sh", ["-c", "kill $(cat /run/acpid.pid)"]);
    assertEquals([deaf.exitCode, deaf.stderrText], [0, ""]);
    const { cause, rung } = await vm.shutdown({ powerdownMs: 50, agentMs: 30_000 });
    assertEquals([cause, rung], ["guest-shutdown", "agent"]);
    await assertRejects(() => agent.execute("guest-ping"), QgaInterruptedError);
  },
);
