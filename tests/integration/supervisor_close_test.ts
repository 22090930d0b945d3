import { assert, assertEquals, assertRejects } from "@std/assert";
import { attach, Supervisor } from "../../mod.ts";
import { tinyGuests, unirom } from "../../src/testing/mod.ts";
import { processesNaming, supervised as test, Yard } from "./_supervised.ts";

test(
  "close() stops every guest, whatever it is doing, and nothing starts after it",
  async (yard, { supervisor, reports }) => {
    const always = { restart: "always", limit: { restarts: Infinity, withinMs: 0 } } as const;
    const backoff = { initialMs: 1_000_000, maxMs: 1_000_000 };
    await supervisor.add(await yard.firmware("up", unirom, always));
    await supervisor.add(
      await yard.firmware("held", tinyGuests.panic, { onCause: { "guest-panic": "preserve" } }),
    );
    await reports.until("held", "guest-ended");
    const waiting = supervisor.add({
      config: { name: "waiting", accel: "tcg", machine: "no-such-board" },
      backoff,
    });
    await reports.until("waiting", "ended launch-failed -> wait");
    const starting = supervisor.add(await yard.firmware("starting", unirom, always));
    const closing = supervisor.close({ vms: "stop" });
    await assertRejects(() => supervisor.start("up"), TypeError, "its supervisor is closing");
    await assertRejects(
      () => supervisor.add({ config: {} }),
      TypeError,
      'Cannot add VM "vm": its supervisor is closed',
    );
    await Promise.all([closing, supervisor.close({ vms: "stop" }), supervisor[Symbol.asyncDispose]()]);
    assertEquals(supervisor.list().map(({ name, phase }) => `${name} ${phase}`), [
      ...["up down", "held down", "waiting down", "starting down"],
    ]);
    assertEquals([(await waiting).phase, (await starting).phase], ["down", "down"]);
    await reports.ended;
    await assertRejects(() => supervisor.stop("up"), TypeError, "its supervisor is closed; open another one");
  },
);

Deno.test("disposing of a supervisor leaves no QEMU and no run directory in the usual place either", async () => {
  await using yard = await Yard.make();
  const supervisor = await Supervisor.open();
  const { vm } = await supervisor.add(await yard.firmware("web", unirom));
  const runDir = vm?.runDir ?? "";
  assert((await Deno.stat(runDir)).isDirectory);
  await supervisor[Symbol.asyncDispose]();
  await assertRejects(() => Deno.stat(runDir), Deno.errors.NotFound);
  assertEquals(vm && (await vm.stopped).cause, "host-quit");
});

test(
  "guests that end with this process can't be left running, and are kept on",
  async (yard, { supervisor }) => {
    await supervisor.add(await yard.firmware("web", unirom));
    await assertRejects(
      () => supervisor.close({ vms: "leave" }),
      TypeError,
      'Cannot leave the guests running: they end with this process; open the supervisor with lifetime: "detached"',
    );
    assertEquals((await supervisor.restart("web")).phase, "up");
  },
);

Deno.test("open() refuses detached guests that nobody would find again", async () => {
  await assertRejects(
    () => Supervisor.open({ lifetime: "detached" }),
    TypeError,
    "without a stateDir or a runtimeDir",
  );
});

Deno.test("open() and close() refuse options that are none: an empty path is not the current directory", async () => {
  await assertRejects(() => Supervisor.open({ stateDir: "" }), TypeError, "'stateDir' must be the path");
  await assertRejects(() => Supervisor.open({ runtimeDir: "" }), TypeError, "'runtimeDir' must be the path");
  await using supervisor = await Supervisor.open();
  const keep = { vms: "keep" } as unknown as { vms: "leave" };
  await assertRejects(() => supervisor.close(keep), TypeError, "must be one of stop, leave");
});

Deno.test("close() leaves detached guests running beyond the script, and stops what is only on its way to run", async () => {
  await using yard = await Yard.make();
  const script = run("leave", yard);
  let said = "";
  for await (const text of script.stdout.pipeThrough(new TextDecoderStream())) said += text;
  assertEquals([await script.status, await script.errors], [{ success: true, code: 0, signal: null }, ""]);
  const { controls, phases } = JSON.parse(said);
  assertEquals(phases, [
    ...["waiting down null", "running up null", "held held null", "resetting backoff null"],
    ...["stopping down null", "starting down null"],
  ]);
  assertEquals((await processesNaming(yard.folder)).length, 3);

  const found = [];
  for (const path of controls) {
    await using vm = await attach({ transport: "unix", path });
    found.push(`${vm.name} ${(await vm.status()).status}`);
    await vm.shutdown({ powerdownMs: 0 });
  }
  assertEquals(found, ["running running", "held guest-panicked", "resetting guest-panicked"]);
  while ((await processesNaming(yard.folder)).length > 0);
  await Deno.remove(yard.runtimeDir, { recursive: true });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} to a script stops its guests, then the script ends by it`, async () => {
    await using yard = await Yard.make();
    const script = run("keep", yard);
    let said = "";
    for await (const text of script.stdout.pipeThrough(new TextDecoderStream())) {
      if (said === "") script.kill(signal);
      said += text;
    }
    const status = await script.status;
    assertEquals([status.signal, await script.errors], [signal, ""]);
    assertEquals(said.split("\n").filter((line) => line.endsWith("ended")).sort(), [
      "other ended",
      "web ended",
    ]);
    assert(!said.includes("started"), said);
  });
}

Deno.test("a second signal to a script ends its guests at once", async () => {
  await using yard = await Yard.make();
  const script = run("stubborn", yard);
  let said = "";
  for await (const text of script.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (text.includes("up") || text.includes("POWERDOWN")) script.kill("SIGINT");
  }
  const status = await script.status;
  assertEquals([status.signal, await script.errors], ["SIGINT", ""], said);
  while ((await processesNaming(yard.folder)).length > 0);
  // There was no time to remove this.
  await Deno.remove(yard.runtimeDir, { recursive: true });
});

interface Script {
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  errors: Promise<string>;
  status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

/** Runs one of the scripts with a supervisor. */
function run(name: string, yard: Yard): Script {
  const path = new URL("_supervisor_script.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, name, yard.folder],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return {
    stdout: child.stdout,
    errors: new Response(child.stderr).text(),
    status: child.status,
    kill: (signal) => child.kill(signal),
  };
}
