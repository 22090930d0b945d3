/** Runs every check and test of the project, goes on after a failure, and says at the end what came of it. */
import { say, which } from "./setup/run.ts";
import { countTests, failedTests, formatResults, ignoredTests, type StepResult } from "./test/summary.ts";
import { type Step, STEPS } from "./test/steps.ts";

const HELP = `Runs the checks and tests of the project.

Usage: deno task test [step...]

Steps: ${STEPS.map(({ name }) => name).join(", ")}. Without any, all of them.
The last line is "N passed, N failed"; a step without tests of its own counts as one. The exit code is 1 if
anything failed. With CI=true a test that can't run for want of something is a failure, else it says so.`;

const ROOT = new URL("..", import.meta.url);

/** The step that runs now, to be ended when somebody ends this. */
class Runner {
  #child: Deno.ChildProcess | null = null;
  /** The signal that ended the run, if one did. */
  ended: Deno.Signal | null = null;

  end(signal: Deno.Signal): void {
    this.ended = signal;
    this.#child?.kill(signal);
  }

  async run(step: Step): Promise<StepResult> {
    say(`\n== ${step.title}`);
    if (step.needs !== undefined && await which(step.needs) === null) {
      say(`-- ${step.name}: FAILED, there is no ${step.needs} on the PATH; run \`deno task setup\``);
      return { name: step.name, ms: 0, passed: 0, failed: 1, ignored: 0, failures: [], notRun: [] };
    }
    const start = performance.now();
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...step.args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let output = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      await Deno.stdout.write(chunk);
      output += decoder.decode(chunk, { stream: true });
    }
    const { success } = await this.#child.status;
    this.#child = null;
    const ms = performance.now() - start;
    const counts = step.hasTests
      ? countTests(output, success)
      : { passed: success ? 1 : 0, failed: success ? 0 : 1, ignored: 0 };
    say(`-- ${step.name}: ${counts.failed === 0 ? "ok" : "FAILED"} (${(ms / 1000).toFixed(1)} s)`);
    const [failures, notRun] = step.hasTests ? [failedTests(output), ignoredTests(output)] : [[], []];
    return { name: step.name, ms, ...counts, failures, notRun };
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    say(HELP);
    return 0;
  }
  const unknown = args.find((arg) => !STEPS.some(({ name }) => name === arg));
  if (unknown !== undefined) {
    say(`Cannot test: there is no step "${unknown}"\n\n${HELP}`);
    return 2;
  }
  const runner = new Runner();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => runner.end(signal));
  }
  const results: StepResult[] = [];
  for (const step of STEPS) {
    if (args.length > 0 && !args.includes(step.name)) continue;
    results.push(await runner.run(step));
    if (runner.ended !== null) break;
  }
  say("");
  if (runner.ended !== null) say(`Ended by ${runner.ended} before the last step\n`);
  for (const line of formatResults(results)) say(line);
  return results.some(({ failed }) => failed > 0) || runner.ended !== null ? 1 : 0;
}

Deno.exit(await main(Deno.args));
