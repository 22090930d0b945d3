import {
  compileArgv,
  configArch,
  configBinary,
  type HostFacts,
  parseVmConfig,
  secretFiles,
  type VmConfig,
} from "../machine/mod.ts";
import { agentPort, QgaClient } from "../qga/mod.ts";
import { silentLogger } from "../qmp/mod.ts";
import { chooseAccel } from "./accel.ts";
import { LaunchError } from "./errors.ts";
import { usesStdio } from "./monitors.ts";
import { absolutePaths, checkFiles } from "./preflight.ts";
import { untilReady } from "./ready.ts";
import { ResetLog } from "./reset_log.ts";
import type { ResetHabit } from "./resets.ts";
import { makeRunDir, type RunDir } from "./run_dir.ts";
import { RunningVm } from "./running_vm.ts";
import { ScriptEnd } from "./script_end.ts";
import { SignalGuard } from "./signal_guard.ts";
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
  const runDir = await makeRunDir(options.runDir);
  try {
    return await launchIn(runDir, checked, options);
  } catch (error) {
    await runDir.discard();
    throw error;
  }
}

async function launchIn(runDir: RunDir, config: VmConfig, options: LaunchOptions): Promise<Vm> {
  const { logger = silentLogger, lifetime = { kind: "owned" }, signal } = options;
  const { dir } = runDir.paths;
  const binary = configBinary(config);
  const arch = configArch(config);
  const tie = await findTie(lifetime, logger);
  const request = { binary, arch, dir, tie, ...(signal ? { signal } : {}) };
  const choice = await chooseAccel(config.accel ?? "auto", request);
  logger.debug("Accelerator chosen", { accel: choice.accel, reason: choice.reason });
  for (const { file, content } of secretFiles(config, runDir.paths)) {
    await Deno.writeTextFile(file, content, { mode: 0o600, createNew: true });
  }
  const facts: HostFacts = { binary, arch, accel: choice.accel, sandbox: Deno.build.os === "linux" };
  try {
    return await start({ config, facts, runDir, tie, options });
  } catch (error) {
    // Only a launch can tell whether this QEMU was built with its sandbox. Where it was asked for, its lack is an error.
    const withoutSandbox = config.sandbox === undefined && error instanceof LaunchError &&
      /^\S*: -sandbox/m.test(error.stderrTail);
    if (!withoutSandbox) throw error;
    logger.warn("This QEMU has no sandbox; starting without it", { binary, stderr: error.stderrTail });
    return await start({ config, facts: { ...facts, sandbox: false }, runDir, tie, options });
  }
}

/** All that is decided when QEMU is spawned. */
interface Start {
  config: VmConfig;
  facts: HostFacts;
  runDir: RunDir;
  tie: Tie;
  options: LaunchOptions;
}

async function start({ config, facts, runDir, tie, options }: Start): Promise<Vm> {
  const { logger = silentLogger, lifetime = { kind: "owned" }, signal } = options;
  const { paths } = runDir;
  const argv = compileArgv(config, facts, paths);
  const name = config.name ?? "vm";
  const stdio = usesStdio(config) ? "piped" : "null";
  signal?.throwIfAborted();
  const process = startQemu(name, { argv, cwd: paths.dir, lifetime, stdio, tie }, logger);
  const owned = lifetime.kind === "owned";
  await using undo = new AsyncDisposableStack();
  undo.defer(() => endNow(process));
  const signals = options.signals ?? (owned ? "stop" : "ignore");
  const guards = new DisposableStack();
  undo.use(guards);
  const endAtOnce = () => {
    process.signal("SIGKILL");
    runDir.removeSync();
  };
  if (owned) guards.use(new ScriptEnd(endAtOnce, tie === "none" ? "end" : "ignore"));
  if (signals === "stop") {
    const end = async () => {
      await endNow(process);
      await runDir[Symbol.asyncDispose]();
    };
    guards.use(new SignalGuard(end, endAtOnce));
  }
  const resetLog = argv.includes(paths.cpuResetLog) ? new ResetLog(paths.cpuResetLog) : null;
  const paused = options.paused ?? false;
  const { monitors, console } = await untilReady({
    ...{ process, config, paths, name, argv, resetLog, paused, signal },
    logger: options.logger,
  });
  undo.move();
  return new RunningVm({
    name,
    process,
    argv,
    runDir,
    control: monitors.control,
    events: monitors.watch.events(),
    standby: monitors.control.events(),
    monitors: monitors.all,
    console,
    agent: config.agent
      ? new QgaClient({ transport: "unix", path: paths.agent }, { port: agentPort(monitors.control), logger })
      : null,
    stop: options.stop ?? {},
    logger,
    resetLog,
    resetHabit: resetHabitOf(config, facts),
    reboots: config.actions?.reboot === "shutdown" ? "held" : "reset",
    debugExit: argv.some((arg) => arg.startsWith("isa-debug-exit")),
    foundHeld: null,
    onStopped: () => guards.dispose(),
  });
}

/** SeaBIOS is what pc and q35 have, unless the config brings other firmware. */
function resetHabitOf({ machine = "pc", machineProps, firmware }: VmConfig, { arch }: HostFacts): ResetHabit {
  const x86 = arch === "x86_64" || arch === "i386";
  const own = firmware?.bios ?? firmware?.code ?? machineProps?.firmware;
  return x86 && /^(pc|q35)(-|$)/.test(machine) && own === undefined ? "repeats" : "once";
}
