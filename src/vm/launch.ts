import {
  compileArgv,
  configArch,
  configBinary,
  type HostFacts,
  parseVmConfig,
  type RunPaths,
  secretFiles,
  type VmConfig,
} from "../machine/mod.ts";
import { type ByteTransport, openTransport, type QmpClient, silentLogger } from "../qmp/mod.ts";
import { chooseAccel } from "./accel.ts";
import type { ResetHabit } from "./end_tracker.ts";
import { earlyExitMessage, LaunchError } from "./errors.ts";
import { connectMonitors, type ReadyMonitors, usesStdio } from "./monitors.ts";
import { absolutePaths, checkFiles } from "./preflight.ts";
import { type QemuProcess, spawnQemu } from "./qemu_process.ts";
import { ResetLog } from "./reset_log.ts";
import { makeRunDir, type RunDir } from "./run_dir.ts";
import { RunningVm } from "./running_vm.ts";
import { SerialConsole } from "./serial_console.ts";
import { SignalGuard } from "./signal_guard.ts";
import type { LaunchOptions, Vm } from "./vm.ts";

/** How long QEMU may take to become ready. Only a host in great trouble needs more: 20 to 60 ms are usual. */
const READY_MS = 60_000;

/**
 * Starts a VM and waits until it is ready: QMP negotiated on every control-mode monitor, the console connected, the guest's CPUs
 * started.
 *
 * @param config What to run; it is checked, and relative file names start at the current directory.
 * @param options Run directory, signal, stop budgets and the like.
 * @returns The running VM; dispose of it (`await using`) to end it.
 * @throws {ConfigError} When the config is wrong; it names the path in the config, what was found and what was expected.
 * @throws {LaunchError} When QEMU can't be started or ends before it is ready; it has QEMU's own words.
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
  const checked = absolutePaths(parseVmConfig(config));
  await checkFiles(checked);
  const runDir = await makeRunDir(options.runDir);
  try {
    return await launchIn(runDir, checked, options);
  } catch (error) {
    await runDir[Symbol.asyncDispose]();
    throw error;
  }
}

async function launchIn(runDir: RunDir, config: VmConfig, options: LaunchOptions): Promise<Vm> {
  const logger = options.logger ?? silentLogger;
  const binary = configBinary(config);
  const arch = configArch(config);
  const choice = await chooseAccel(config.accel ?? "auto", { binary, arch, dir: runDir.paths.dir });
  logger.debug("Accelerator chosen", { accel: choice.accel, reason: choice.reason });
  for (const { file, content } of secretFiles(config, runDir.paths)) {
    await Deno.writeTextFile(file, content, { mode: 0o600, createNew: true });
  }
  const facts: HostFacts = { binary, arch, accel: choice.accel, sandbox: Deno.build.os === "linux" };
  try {
    return await start(config, facts, runDir, options);
  } catch (error) {
    // Only a launch can tell whether this QEMU was built with its sandbox. Where it was asked for, its lack is an error.
    const withoutSandbox = config.sandbox === undefined && error instanceof LaunchError &&
      /^\S*: -sandbox/m.test(error.stderrTail);
    if (!withoutSandbox) throw error;
    logger.warn("This QEMU has no sandbox; starting without it", { binary, stderr: error.stderrTail });
    return await start(config, { ...facts, sandbox: false }, runDir, options);
  }
}

async function start(
  config: VmConfig,
  facts: HostFacts,
  runDir: RunDir,
  options: LaunchOptions,
): Promise<Vm> {
  const { paths } = runDir;
  const argv = compileArgv(config, facts, paths);
  const name = config.name ?? "vm";
  const process = await spawn(name, argv, config, paths, options);
  const guard = options.signals === "ignore" ? null : new SignalGuard(() => endNow(process));
  try {
    const resetLog = argv.includes(paths.cpuResetLog) ? new ResetLog(paths.cpuResetLog) : null;
    const { monitors, console } = await untilReady({ process, config, paths, name, argv, options, resetLog });
    return new RunningVm({
      name,
      process,
      argv,
      runDir,
      control: monitors.control,
      watch: monitors.watch,
      monitors: monitors.all,
      console,
      stop: options.stop ?? {},
      logger: options.logger ?? silentLogger,
      resetLog,
      resetHabit: resetHabitOf(config, facts),
      reboots: config.actions?.reboot === "shutdown" ? "held" : "reset",
      debugExit: argv.some((arg) => arg.startsWith("isa-debug-exit")),
      foundHeld: null,
      onStopped: () => guard?.[Symbol.dispose](),
    });
  } catch (error) {
    guard?.[Symbol.dispose]();
    await endNow(process);
    throw error;
  }
}

/** Unless the config brings its own firmware, an x86 machine has SeaBIOS. */
function resetHabitOf(config: VmConfig, facts: HostFacts): ResetHabit {
  const x86 = facts.arch === "x86_64" || facts.arch === "i386";
  return x86 && config.firmware?.bios === undefined && config.firmware?.code === undefined
    ? "repeats"
    : "once";
}

async function spawn(
  name: string,
  argv: readonly string[],
  config: VmConfig,
  paths: RunPaths,
  options: LaunchOptions,
): Promise<QemuProcess> {
  const lifetime = options.lifetime ?? { kind: "owned" };
  const request = { argv, cwd: paths.dir, lifetime, stdio: usesStdio(config) ? "piped" : "null" } as const;
  try {
    if (lifetime.kind === "owned" && await canTie(options)) {
      try {
        return spawnQemu({ ...request, tie: "setpriv" });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        options.logger?.warn(
          "There is no setpriv (package util-linux): QEMU outlives this process if it is killed",
          { name },
        );
      }
    }
    return spawnQemu({ ...request, tie: "none" });
  } catch (error) {
    const binary = argv[0] ?? "";
    if (error instanceof Deno.errors.NotFound) {
      throw new LaunchError(missingBinary(name, binary), { argv }, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const message =
        `Cannot start VM "${name}": ${binary} can't be executed (${error.message}); make it executable, or name another binary`;
      throw new LaunchError(message, { argv }, { cause: error });
    }
    throw error;
  }
}

function missingBinary(name: string, binary: string): string {
  return `Cannot start VM "${name}": there is no ${binary} on this machine; install QEMU (Debian: apt-get install qemu-system-x86, ` +
    "Fedora: dnf install qemu-system-x86, Arch: pacman -S qemu-base, macOS: brew install qemu), or name another binary";
}

/** setpriv can start anything, so it is used where it is allowed and never asked for. */
async function canTie(options: LaunchOptions): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const { state } = await Deno.permissions.query({ name: "run", command: "setpriv" });
  if (state === "granted") return true;
  options.logger?.warn(
    "Without --allow-run=setpriv QEMU can't be tied to this process: it outlives this process if it is killed with SIGKILL",
  );
  return false;
}

interface Launching {
  process: QemuProcess;
  config: VmConfig;
  paths: RunPaths;
  name: string;
  argv: readonly string[];
  options: LaunchOptions;
  resetLog: ResetLog | null;
}

interface Connected {
  monitors: ReadyMonitors;
  console: SerialConsole | null;
}

/** Connects everything and starts the guest, unless QEMU ends first: then its own words are the error. */
async function untilReady(launching: Launching): Promise<Connected> {
  const { process, options, name, argv } = launching;
  const race = new AbortController();
  const aborted = () => race.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", aborted, { once: true });
  let connecting = true;
  const exited = process.exited.then(() => {
    if (connecting) race.abort(new Error("QEMU ended"));
  });
  try {
    const connected = await connect(launching, race.signal);
    connecting = false;
    return connected;
  } catch (error) {
    options.signal?.throwIfAborted();
    // A connection that breaks is how QEMU's end looks from here: wait for the end itself, which follows at once.
    const exit = await exitSoon(process);
    if (exit === null) throw error;
    await exited;
    throw earlyExit(name, argv, process, exit);
  } finally {
    connecting = false;
    options.signal?.removeEventListener("abort", aborted);
  }
}

function earlyExit(
  name: string,
  argv: readonly string[],
  process: QemuProcess,
  exit: QemuProcess["exit"],
): LaunchError {
  const stderrTail = process.stderrTail();
  const unfound = /^setpriv: failed to execute (.*): (No such file|Permission denied|.*)/m.exec(stderrTail);
  const message = unfound?.[2]?.startsWith("No such file")
    ? missingBinary(name, argv[0] ?? "")
    : earlyExitMessage(name, exit, stderrTail);
  return new LaunchError(message, { argv, exit, stderrTail });
}

async function connect(launching: Launching, signal: AbortSignal): Promise<Connected> {
  const { config, paths, process, argv, options } = launching;
  const connecting = { signal, timeoutMs: READY_MS, logger: options.logger ?? silentLogger };
  const monitors = await connectMonitors(config, paths, process, connecting);
  let console: SerialConsole | null = null;
  try {
    if (argv.some((arg) => arg.startsWith("socket,id=console,"))) {
      console = new SerialConsole(await openConsole(paths.console, monitors.control, signal));
    }
    await launching.resetLog?.skip();
    if (!options.paused && config.incoming === undefined) {
      await monitors.control.execute("cont", {}, { signal });
    }
    return { monitors, console };
  } catch (error) {
    await console?.[Symbol.asyncDispose]();
    for (const client of [monitors.control, monitors.watch]) await client.close();
    throw error;
  }
}

/** Connects to the console, and waits until QEMU has taken the connection: what the guest says before that is lost. */
async function openConsole(path: string, qmp: QmpClient, signal: AbortSignal): Promise<ByteTransport> {
  const transport = await openTransport({ transport: "unix", path }, signal);
  try {
    for (;;) {
      const chardevs = await qmp.execute("query-chardev", {}, { signal });
      const console = chardevs.find(({ label }) => label === "console");
      if (console && !console.filename.startsWith("disconnected:")) return transport;
    }
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** How QEMU ended, if it has, or is about to. */
async function exitSoon(process: QemuProcess): Promise<QemuProcess["exit"]> {
  if (process.exit) return process.exit;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), 200));
  try {
    return await Promise.race([process.exited, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a QEMU that nobody has seen yet, or whose owner is going. */
async function endNow(process: QemuProcess): Promise<void> {
  process.signal("SIGTERM");
  const timer = setTimeout(() => process.signal("SIGKILL"), 1_000);
  await process.exited;
  clearTimeout(timer);
}
