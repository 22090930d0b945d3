/** Runs tests again and again, in another order each time: a test that fails once in fifty times is a defect, not bad luck. */
import { parseArgs } from "@std/cli/parse-args";
import { say } from "./setup/run.ts";
import { countTests } from "./test/summary.ts";

const ROOT = new URL("..", import.meta.url);

const HELP = `Runs the test kit's own suite again and again, its tests in another order each time.

Usage: deno task soak [--times N] [--seed N] [--jobs N] [FILE...]

--times N  how often; default 50
--seed N   where the order comes from; the same seed gives the same orders. Default: another one each time, which is printed
--jobs N   how many runs go on side by side; default 1
FILE...    other tests to run instead
What a run that fails has printed is shown. The last line says how many runs there were without a failure; the exit
code is 1 if one failed.`;

/** A run takes four minutes where two go on side by side; one that takes so long hangs. */
const LIMIT_MS = 20 * 60_000;

/** What one run came to. */
interface Run {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

/** The test kit's own tests. */
async function kitTests(): Promise<string[]> {
  const files = ["tests/unit/testing"];
  for await (const { name } of Deno.readDir(new URL("tests/integration", ROOT))) {
    if (name.startsWith("testing_") && name.endsWith("_test.ts")) files.push(`tests/integration/${name}`);
  }
  return files.toSorted();
}

async function runOnce(files: readonly string[], order: number, signal: AbortSignal): Promise<Run> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--frozen", "-A", "--no-check", `--shuffle=${order}`, ...files],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // Asked, not killed: its tests clear away after themselves.
  const end = () => child.kill("SIGINT");
  limit.addEventListener("abort", end, { once: true });
  const { stdout, stderr, success } = await child.output();
  limit.removeEventListener("abort", end);
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout);
  const { passed, failed } = countTests(output, success);
  // One that did not end is no success, whatever it says of the tests before.
  const hung = limit.aborted ? `\nIt did not end within ${LIMIT_MS / 1000} s.` : "";
  return {
    passed,
    failed: Math.max(failed, hung === "" ? 0 : 1),
    output: output + decoder.decode(stderr) + hung,
  };
}

async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], { string: ["times", "seed", "jobs"], boolean: ["help"] });
  const times = Number(flags.times ?? 50);
  const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
  const jobs = Number(flags.jobs ?? 1);
  const wrong = [times, jobs].some((number) => !Number.isInteger(number) || number < 1) ||
    !Number.isInteger(seed);
  if (flags.help || wrong) {
    say(HELP);
    return flags.help ? 0 : 2;
  }
  const files = flags._.length > 0 ? flags._.map(String) : await kitTests();
  say(`Seed ${seed}, ${times} times, ${jobs} side by side: ${files.join(" ")}`);
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => ending.abort());
  const start = performance.now();
  let [begun, clean, done] = [0, 0, 0];
  const work = async () => {
    while (begun < times && !ending.signal.aborted) {
      const order = seed + begun++;
      const from = performance.now();
      const { passed, failed, output } = await runOnce(files, order, ending.signal);
      if (ending.signal.aborted) return;
      done++;
      if (failed === 0) clean++;
      else say(output);
      const seconds = ((performance.now() - from) / 1000).toFixed(0);
      say(`Run ${done} of ${times} (order ${order}): ${passed} passed, ${failed} failed, ${seconds} s`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  say(`Seed ${seed}: ${clean} of ${done} runs without a failure, in ${seconds} s`);
  return clean === times ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
