// What `deno test` prints of tests whose guests fail, how soon, and what is left on disk.
import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { rom, unirom } from "../../src/testing/mod.ts";

/** How long a test that waits for its guest for ten minutes may take with all of Deno's start, in milliseconds. */
const AT_ONCE_MS = 20_000;

interface FailedTests {
  output: string;
  /** What Deno says that the first test took, in milliseconds. */
  testMs: number;
  /** The folders with evidence that are left in the working directory, with what is in them. */
  evidence: { path: string; files: string[]; page: string }[];
}

/** Runs one of the files as its author would, in a directory of its own. */
async function runFailing(file: string): Promise<FailedTests> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeFile(`${dir}/unirom`, rom(unirom.code));
    const url = (path: string) => new URL(path, import.meta.url).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "-A", "--no-check", "--frozen", "--config", url("../../deno.json")],
        url(`../testdata/failing_guests/${file}`),
      ],
      cwd: dir,
      env: { NO_COLOR: "1", GUEST_FIRMWARE: `${dir}/unirom` },
      signal: AbortSignal.timeout(AT_ONCE_MS),
    }).output();
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 1, output);
    assert(!output.includes("Leaks detected"), output);
    assertEquals(await processesOf(dir), [], "of QEMU nothing is left");
    const [, amount = "", unit = ""] =
      /\.\.\. FAILED (?:\(due to 1 failed step\) )?\((\d+)(m?s)\)/.exec(output) ?? [];
    const testMs = Number(amount) * (unit === "s" ? 1000 : 1);
    return { output, testMs, evidence: await evidenceIn(dir) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The processes whose command line names a path. */
async function processesOf(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // It may be gone by now.
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(path)) found.push(`${name} ${line.replaceAll("\0", " ")}`);
  }
  return found;
}

async function evidenceIn(dir: string): Promise<FailedTests["evidence"]> {
  const names = (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
  if (!names.includes("test-evidence")) return [];
  const folders = await Array.fromAsync(Deno.readDir(`${dir}/test-evidence`));
  return folders.map(({ name }) => {
    const path = `${dir}/test-evidence/${name}`;
    const files = Array.from(Deno.readDirSync(path), ({ name }) => name);
    return { path, files, page: Deno.readTextFileSync(`${path}/index.html`) };
  });
}

/** One folder is left, its page is there, and what was printed names it. */
function assertNamed({ output, evidence }: FailedTests, ...files: string[]): void {
  assertEquals(evidence.length, 1, output);
  const [folder] = evidence;
  assertStringIncludes(output, `evidence: ${folder?.path}\n`);
  for (const file of ["index.html", "argv.sh", ...files]) assert(folder?.files.includes(file), file);
}

Deno.test("of a guest that panics while a test waits, deno test prints verdict, console and folder at once", async () => {
  const failed = await runFailing("panics.ts");
  assertStringIncludes(
    failed.output,
    [
      'error: GuestFailedError: VM "uni": guest panicked',
      "  verdict: guest-panic: The guest's kernel panicked",
      "  console:",
      "    READY",
      "  evidence: ",
    ].join("\n"),
  );
  assertStringIncludes(failed.output, "failing_guests/panics.ts:8:3");
  assertStringIncludes(failed.output, "FAILED | 0 passed | 1 failed");
  assert(failed.testMs > 0 && failed.testMs < 5_000, `${failed.testMs} ms`);
  assertNamed(failed, "registers.txt");
});

Deno.test("of a QEMU that is killed while a test waits, deno test prints so at once", async () => {
  const failed = await runFailing("killed.ts");
  assertStringIncludes(failed.output, 'error: GuestFailedError: VM "uni": QEMU was killed\n');
  assertStringIncludes(failed.output, "failing_guests/killed.ts:");
  assert(failed.testMs > 0 && failed.testMs < 5_000, `${failed.testMs} ms`);
  assertNamed(failed);
});

Deno.test("of an assertion that fails in a guestTest, deno test prints the assertion and the folder", async () => {
  const failed = await runFailing("asserts.ts");
  assertStringIncludes(failed.output, "error: AssertionError: Values are not equal");
  assertStringIncludes(failed.output, "+   what it should say");
  assertNamed(failed, "registers.txt");
  assertStringIncludes(failed.evidence[0]?.page ?? "", "+   what it should say", "the page says it as well");
  assertFalse(failed.evidence[0]?.page.includes("never said"), "that was wanted");
});

Deno.test("of two tests of which one fails once its VM has ended, evidence of the failed one is left only", async () => {
  const failed = await runFailing("asserts_disposed.ts");
  assertStringIncludes(failed.output, "FAILED | 1 passed | 1 failed");
  assertNamed(failed, "registers.txt");
  assertStringIncludes(failed.evidence[0]?.path ?? "", "an-assertion-fails-after-a-scope");
  assertStringIncludes(failed.evidence[0]?.page ?? "", "+   what it should say", "the page says it as well");
});

Deno.test("of an assertion that fails over a guest that panicked, deno test prints both", async () => {
  const failed = await runFailing("untold_assert.ts");
  assertStringIncludes(failed.output, "error: AssertionError: Values are not equal");
  assertStringIncludes(failed.output, 'Meanwhile VM "uni": guest panicked\n');
  assertNamed(failed, "registers.txt");
});

Deno.test("of an assertion that fails over a guest that panicked, deno test prints the panic also without guestTest", async () => {
  const failed = await runFailing("panics_untold.ts");
  assertStringIncludes(failed.output, 'VM "uni": guest panicked\n');
  assertNamed(failed, "registers.txt");
});

Deno.test("a test that goes beyond its time fails, with what it waited for and evidence", async () => {
  const failed = await runFailing("late.ts");
  assertStringIncludes(failed.output, "error: Error: The test did not end within 2500 ms\n  evidence: ");
  assertStringIncludes(failed.output, "failing_guests/late.ts:6:3");
  assertNamed(failed, "registers.txt");
});

Deno.test("a step that fails leaves evidence, and the test's error names the folder", async () => {
  const failed = await runFailing("step.ts");
  assertStringIncludes(
    failed.output,
    'error: Error: Steps of the test failed: "which asserts what is not so"\n',
  );
  assertNamed(failed, "registers.txt");
});
