import {
  compileArgv,
  configArch,
  configBinary,
  type HostFacts,
  parseVmConfig,
  secretFiles,
  usesStdio,
  type VmConfig,
} from "../machine/mod.ts";
import { type Logger, silentLogger } from "../qmp/logger.ts";
import { chooseAccel } from "./accel.ts";
import { LaunchError } from "./errors.ts";
import { absolutePaths, checkFiles } from "./preflight.ts";
import { closeUntaken, type Lifetime, type SpawnRequest } from "./qemu_process.ts";
import { makeRunDir, type RunDir } from "./run_dir.ts";
import { ScriptTies } from "./script_ties.ts";
import { StartLine } from "./start_line.ts";
import { endNow, findTie, startQemu, type Tie } from "./start_qemu.ts";
import { checkBudgets } from "./stop_ladder.ts";
import type { LaunchOptions, Vm } from "./vm.ts";

/**
 * Starts a VM and waits until it is ready: QMP negotiated on every control-mode monitor, the console connected, the guest's CPUs
 * started.
 *
 * @param config What to run; it is checked, and relative file names start at the current directory.
 * @param options Run directory, signal, stop budgets and the like.
 * @returns The running VM; dispose of it (`await using`) to end it.
 * @throws {ConfigError} When the config is wrong; it names the path in the config, what was found and what was expected.
 * @throws {LaunchError} When QEMU can't be started, ends before it is ready, or does not become ready; it has QEMU's own words.
 * @throws {RangeError} When a budget of `options.stop` is no time.
 * @throws {Deno.errors.NotCapable} When this script has not the permission to start QEMU, or to use its run directory.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "pc", accel: "tcg", memoryMiB: 16 });
 * assertEquals((await vm.status()).status, "running");
 * const verdict = await vm.shutdown({ powerdownMs: 0 });
 * assertEquals(verdict.cause, "host-quit");
 * ```
 */
export async function launch(config: VmConfig, options: LaunchOptions = {}): Promise<Vm> {
  options.signal?.throwIfAborted();
  checkBudgets(options.stop ?? {});
  const checked = absolutePaths(parseVmConfig(config));
  await checkFiles(checked);
  const { lifetime = { kind: "owned" }, logger = silentLogger } = options;
  const tie = findTie(lifetime, logger);
  const runDir = await makeRunDir(options.runDir);
  const signals = options.signals ?? (lifetime.kind === "owned" ? "stop" : "ignore");
  const session = sessionFor(lifetime, signals, tie);
  const ties = new ScriptTies(runDir, { lifetime: lifetime.kind, signals, tie });
  try {
    return await launchIn({ config: checked, runDir, tie, ties, lifetime, session, logger, options });
  } catch (error) {
    ties[Symbol.dispose]();
    await runDir.discard();
    throw error;
  }
}

/** What a launch has decided so far. */
interface Plan {
  config: VmConfig;
  runDir: RunDir;
  tie: Tie;
  ties: ScriptTies;
  lifetime: Lifetime;
  session: SpawnRequest["session"];
  logger: Logger;
  options: LaunchOptions;
}

async function launchIn(plan: Plan): Promise<Vm> {
  const { config, runDir, tie, logger, options: { signal } } = plan;
  const { dir } = runDir.paths;
  const binary = configBinary(config);
  const arch = configArch(config);
  const request = { binary, arch, dir, tie, ...(signal ? { signal } : {}) };
  const choice = await chooseAccel(config.accel ?? "auto", request);
  logger.debug("Accelerator chosen", { accel: choice.accel, reason: choice.reason });
  for (const { file, content } of secretFiles(config, runDir.paths)) {
    await Deno.writeTextFile(file, content, { mode: 0o600, createNew: true });
  }
  const recorder = plan.options.recorder === "on" ? "pipe" : undefined;
  const facts: HostFacts = {
    binary,
    arch,
    accel: choice.accel,
    sandbox: Deno.build.os === "linux",
    recorder,
  };
  try {
    return await start(plan, facts);
  } catch (error) {
    // Only a launch can tell whether this QEMU was built with its sandbox. Where it was asked for, its lack is an error.
    const withoutSandbox = config.sandbox === undefined && error instanceof LaunchError &&
      /^\S*: -sandbox/m.test(error.stderrTail);
    if (!withoutSandbox) throw error;
    logger.warn("This QEMU has no sandbox; starting without it", { binary, stderr: error.stderrTail });
    return await start(plan, { ...facts, sandbox: false });
  }
}

async function start(plan: Plan, facts: HostFacts): Promise<Vm> {
  const { config, runDir, tie, ties, lifetime, logger, options, session } = plan;
  const { paths } = runDir;
  await using line = StartLine.open(tie, paths.tie, logger);
  const argv = compileArgv(config, line === null ? facts : { ...facts, tie: "socket" }, paths);
  const name = config.name ?? "vm";
  const stdio = usesStdio(config) ? "piped" : "null";
  if (facts.recorder !== undefined) await (await import("./recorder.ts")).prepareRecorder(paths.dir);
  options.signal?.throwIfAborted();
  const process = startQemu(name, { argv, cwd: paths.dir, lifetime, stdio, tie, session }, logger);
  ties.process = process;
  const listening = line?.ready ?? null;
  try {
    // Loaded while QEMU starts, which takes longer: a script that launches one VM waits for neither.
    const { bringUp } = await import("./bring_up.ts");
    const onStopped = () => ties[Symbol.dispose]();
    return await bringUp({
      ...{ process, config, facts, runDir, name, argv, listening, logger, options, onStopped },
    });
  } catch (error) {
    await endNow(process);
    await closeUntaken(process);
    throw error;
  }
}

/**
 * A terminal sends Ctrl-C to everything in its session; QEMU in one of its own leaves the answer to this script. Not where QEMU could outlive
 * the script by that, nor where it makes no difference: a session costs a fork, about 1 ms of a launch.
 */
function sessionFor(lifetime: Lifetime, signals: "stop" | "ignore", tie: Tie): SpawnRequest["session"] {
  if (lifetime.kind === "detached") return "own";
  const terminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  return tie === "setpriv" && (terminal || signals === "ignore") ? "own" : "shared";
}
