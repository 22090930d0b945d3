// What a failed test leaves of real guests: alive, dead, and deaf.
import {
  assert,
  assertEquals,
  assertFalse,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { launch, type LaunchOptions, QmpClient, type Vm, type VmConfig } from "../../mod.ts";
import { rom, tinyGuests } from "../../src/testing/mod.ts";
import { collectEvidence } from "../../src/testing/evidence/collect.ts";
import { EvidenceRecord } from "../../src/testing/evidence/record.ts";
import { makeEvidenceFolder } from "../../src/testing/evidence/folder.ts";
import { expectScreenText } from "../../src/testing/screen/text_screen.ts";
import { verdictFromJson } from "../../src/vm/verdict_json.ts";

const SECRET = "swordfish, hunter2";

/** A guest, a record of it, and a place for its evidence. */
class Scene implements AsyncDisposable {
  readonly dir: string;
  readonly record: EvidenceRecord;
  readonly vm: Vm;

  private constructor(dir: string, record: EvidenceRecord, vm: Vm) {
    this.dir = dir;
    this.record = record;
    this.vm = vm;
  }

  static async of(code: Uint8Array, more: VmConfig = {}, options: LaunchOptions = {}): Promise<Scene> {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-evidence-" });
    const bios = `${dir}/guest.rom`;
    await Deno.writeFile(bios, rom(code));
    const record = new EvidenceRecord({ test: `a <test> & "its" name`, redact: [SECRET] });
    const config = { accel: "tcg", memoryMiB: 16, firmware: { bios }, ...more } as const;
    const vm = await launch(config, { ...options, wire: record.wire.tap });
    record.watch(vm);
    return new Scene(dir, record, vm);
  }

  async collect(timeoutMs = 2_000): Promise<string> {
    const folder = await collectEvidence(this.vm, this.record, `${this.dir}/evidence`, { timeoutMs });
    assert(folder !== null);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vm[Symbol.asyncDispose]();
    await this.record[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    files.set(name, new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${name}`)));
  }
  return files;
}

Deno.test("collectEvidence() writes all there is of a guest that lives, for this user only, and no secret", async () => {
  await using scene = await Scene.of(tinyGuests.echo.code, { name: "web", vga: "std" });
  const { vm, record } = scene;
  await vm.console?.write(`<b>${SECRET}</b>.`);
  record.typed(`<b>${SECRET}</b>.`);
  await vm.console?.expect("</b>.", { timeoutMs: 30_000 });
  record.command(`echo ${SECRET}`).ended({ kind: "exited", code: 3 }, { stdout: SECRET });
  record.note("noted", SECRET);
  record.file("own file.txt", `says ${SECRET}`, "A file of the test's own");
  await vm.qmp.execute("object-add", { "qom-type": "secret", id: "s0", data: SECRET });
  await vm.pause();
  await vm.resume();
  record.failed(new TypeError(`It was not ${SECRET}`));

  const folder = await scene.collect();
  assertMatch(folder, /\/evidence\/a-test-its-name-web-\d{8}-\d{6}$/);
  assertEquals((await Deno.stat(folder)).mode ?? 0 & 0o777, 0o040000 | 0o700);
  const files = await filesOf(folder);
  assertEquals([...files.keys()].sort(), [
    "argv.sh",
    "console.raw",
    "console.txt",
    "events.jsonl",
    "index.html",
    "machine.txt",
    "own-file.txt",
    "qmp.log",
    "registers.txt",
    "screenshot.png",
    "stderr.txt",
    "verdict.json",
  ]);
  for (const [name, content] of files) assertFalse(content.includes("hunter2"), name);

  const page = files.get("index.html") ?? "";
  assertStringIncludes(page, "<h1>a &lt;test&gt; &amp; &quot;its&quot; name</h1>");
  assertStringIncludes(page, "It was not [redacted]");
  assertStringIncludes(page, "&lt;b&gt;[redacted]&lt;/b&gt;.");
  assertStringIncludes(page, '<img src="data:image/png;base64,');
  assertStringIncludes(page, "exit 3");
  assertFalse(page.includes("What could not be had"));
  assertStringIncludes(files.get("console.txt") ?? "", "<b>[redacted]</b>.");
  assertStringIncludes(files.get("registers.txt") ?? "", "EIP=");
  assertStringIncludes(files.get("qmp.log") ?? "", '"object-add"');
  const events = (files.get("events.jsonl") ?? "").trim().split("\n").map((line) => JSON.parse(line).event);
  assertEquals(events, ["RESUME", "STOP", "RESUME"]);
  const { status, verdict } = JSON.parse(files.get("verdict.json") ?? "");
  assertEquals([status, verdict], ["running", null]);
});

Deno.test("collectEvidence() tells why a QEMU that has gone ended, and what can't be had of it any more", async () => {
  await using scene = await Scene.of(tinyGuests.panic.code, { pvpanic: true });
  const { vm, record } = scene;
  await vm.stopped;
  record.failed(new Error("It panicked"));
  const folder = await scene.collect();
  const files = await filesOf(folder);
  const page = files.get("index.html") ?? "";
  assertStringIncludes(page, '<span class="pill bad">guest-panic</span>');
  assertStringIncludes(page, "<b>The screen</b>: QEMU had gone");
  assertFalse(files.has("screenshot.png"));
  const { verdict } = JSON.parse(files.get("verdict.json") ?? "");
  assertEquals(verdictFromJson(verdict).cause, "guest-panic");
  assertStringIncludes(files.get("qmp.log") ?? "", '"GUEST_PANICKED"');
  assertStringIncludes(page, "Verdict: guest-panic");
});

Deno.test("collectEvidence() has the text of a screen in text mode, and leaves the guest as it was", async () => {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-evidence-" });
  try {
    const record = new EvidenceRecord({ test: "boots" });
    await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
    record.watch(vm);
    await expectScreenText(vm, "Press ESC for boot menu.", { timeoutMs: 60_000 });
    const folder = await collectEvidence(vm, record, dir);
    const files = await filesOf(folder ?? "");
    assertStringIncludes(files.get("screen.txt") ?? "", "Press ESC for boot menu.");
    assertStringIncludes(files.get("index.html") ?? "", "Press ESC for boot menu.");
    assertEquals((await vm.status()).status, "running");
    await record[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("collectEvidence() hides a secret that the kernel's log broke into", async () => {
  await using scene = await Scene.of(tinyGuests.echo.code);
  const { vm } = scene;
  await vm.console?.write(`key swordfish, [    4.200000] eth0: up\nhunter2 end`);
  await vm.console?.expect("end", { timeoutMs: 30_000 });
  const files = await filesOf(await scene.collect());
  for (const [name, content] of files) assertFalse(/swordfish|hunter2/.test(content), name);
  assertStringIncludes(files.get("console.txt") ?? "", "eth0: up");
});

Deno.test("collectEvidence() says that there is no graphics card, rather than show nothing", async () => {
  await using scene = await Scene.of(tinyGuests.halt.code);
  const page = (await filesOf(await scene.collect())).get("index.html") ?? "";
  assertMatch(page, /<b>The screen<\/b>: .*screendump/);
  assertStringIncludes(page, "The guest said nothing");
});

Deno.test("collectEvidence() is not held up by a QEMU that hangs: it asks one question in vain", async () => {
  await using scene = await Scene.of(tinyGuests.halt.code);
  const { vm } = scene;
  assert(vm.pid !== null);
  Deno.kill(vm.pid, "SIGSTOP");
  try {
    const before = performance.now();
    const page = (await filesOf(await scene.collect(200))).get("index.html") ?? "";
    assertLess(performance.now() - before, 1_500);
    assertStringIncludes(page, "QEMU did not answer");
    assertStringIncludes(page, "had not answered for 200 ms");
  } finally {
    Deno.kill(vm.pid, "SIGCONT");
  }
});

Deno.test("collectEvidence() never rejects: where nothing can be written it says so to the logger", async () => {
  await using scene = await Scene.of(tinyGuests.halt.code);
  const errors: string[] = [];
  const nothing = () => {};
  const logger = { debug: nothing, info: nothing, warn: nothing, error: (text: string) => errors.push(text) };
  const folder = await collectEvidence(scene.vm, scene.record, "/proc/nowhere", { logger });
  assertEquals([folder, errors.length], [null, 1]);
});

Deno.test("collectEvidence() gives two guests that fail in the same second a folder each", async () => {
  await using scene = await Scene.of(tinyGuests.halt.code);
  const folders = [await scene.collect(), await scene.collect(), await scene.collect()];
  assertEquals(new Set(folders).size, 3);
});

Deno.test("makeEvidenceFolder() uses the working directory, or the temporary one where nothing can be written there", async () => {
  const before = Deno.cwd();
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "qeeper-evidence-" }));
  try {
    Deno.chdir(dir);
    const at = Date.UTC(2026, 0, 2, 3, 4, 5);
    assertEquals(
      await makeEvidenceFolder(null, ["A test: \u00fcber/../all", "web"], at),
      `${dir}/test-evidence/a-test-u-ber-all-web-20260102-030405`,
    );
    Deno.chdir("/proc");
    const folder = await makeEvidenceFolder(null, ["test"], at);
    assertMatch(folder, /\/test-20260102-030405-[^/]+$/);
    assertFalse(folder.startsWith("/proc"));
    assertEquals((await Deno.stat(folder)).mode, 0o040700);
    await Deno.remove(folder);
  } finally {
    Deno.chdir(before);
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("argv.sh of a failed test starts its QEMU again", async () => {
  await using scene = await Scene.of(tinyGuests.powerOff.code, { name: "a b" }, { paused: true });
  const folder = await scene.collect();
  const child = new Deno.Command("sh", { args: [`${folder}/argv.sh`], stderr: "piped" }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n")) said += (await reader.read()).value ?? "\n";
  const run = /^run=(.*)$/m.exec(said)?.[1] ?? "";
  assert(run !== scene.vm.runDir);
  const address = { transport: "unix", path: `${run}/control` } as const;
  await using qmp = await QmpClient.connect(address, { whileMissing: "retry", timeoutMs: 30_000 });
  assertEquals((await qmp.execute("query-name")).name, "a b");
  await qmp.execute("quit");
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await Deno.remove(run, { recursive: true });
});
