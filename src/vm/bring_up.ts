import type { HostFacts, VmConfig } from "../machine/mod.ts";
// With the rest, so that no monitor that is connected to has to wait for it.
import "../qmp/connection.ts";
import type { Logger } from "../qmp/mod.ts";
import type { SpawnedProcess } from "./qemu_process.ts";
import { untilReady } from "./ready.ts";
import { ResetLog } from "./reset_log.ts";
import type { ResetHabit } from "./resets.ts";
import type { RunDir } from "./run_dir.ts";
import { ownRunDir, sweepBeside } from "./run_owner.ts";
import { RunningVm } from "./running_vm.ts";
import type { LaunchOptions, Vm } from "./vm.ts";

/** A QEMU that was just spawned, and what it was spawned from. */
export interface Spawned {
  process: SpawnedProcess;
  config: VmConfig;
  facts: HostFacts;
  runDir: RunDir;
  name: string;
  argv: readonly string[];
  /** Resolves when QEMU's monitors can be connected to; null where that is not told. */
  listening: Promise<void> | null;
  logger: Logger;
  options: LaunchOptions;
  /** Called when QEMU has gone, or was let go of. */
  onStopped: () => void;
}

/**
 * Makes a VM of a QEMU that was just spawned: connects to it, starts the guest.
 *
 * @param spawned The QEMU.
 * @returns The running VM.
 * @throws {LaunchError} When QEMU ends, or does not become ready. It may still run then.
 * @throws {Deno.errors.NotCapable} When this script may not connect to a monitor.
 */
export async function bringUp(spawned: Spawned): Promise<Vm> {
  const { process, config, facts, runDir, name, argv, listening, logger, options, onStopped } = spawned;
  const { paths } = runDir;
  const { signal, paused = false, stop = {} } = options;
  if (process.lifetime === "owned") ownRunDir(runDir, logger);
  const resetLog = argv.includes(paths.cpuResetLog) ? new ResetLog(paths.cpuResetLog) : null;
  // The agent's client is only loaded where there is an agent.
  const qga = config.agent ? await import("../qga/mod.ts") : null;
  const recorder = facts.recorder === undefined ? null : await import("./recorder.ts");
  // Only who keeps guests for long wants to know why the kernel killed one. Counted now, before it can have happened.
  const oomCount = recorder &&
    import("./oom_kill.ts").then(({ countOomKills }) => countOomKills(process.pid));
  const { monitors, console } = await untilReady({
    ...{
      process,
      config,
      paths,
      name,
      argv,
      listening,
      resetLog,
      paused,
      signal,
      logger,
      wire: options.wire,
    },
    untilRecording: recorder && ((signal) => recorder.untilRecording(paths.dir, signal)),
  });
  if (process.lifetime === "owned") sweepBeside(runDir, logger);
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
    agent: qga &&
      new qga.QgaClient({ transport: "unix", path: paths.agent }, {
        port: qga.agentPort(monitors.control),
        logger,
      }),
    stop,
    logger,
    resetLog,
    resetHabit: resetHabitOf(config, facts),
    reboots: config.actions?.reboot === "shutdown" ? "held" : "reset",
    debugExit: argv.some((arg) => arg.startsWith("isa-debug-exit")),
    recording: recorder && ((last) => recorder.readRecording(paths.dir, last)),
    oomCount: await oomCount,
    found: null,
    onStopped,
  });
}

/**
 * What a guest's firmware does after a reset: SeaBIOS is what pc and q35 have, unless the config brings other firmware.
 *
 * @param config The guest's config.
 * @param facts The architecture that its QEMU emulates.
 * @returns Its habit.
 */
export function resetHabitOf(
  { machine = "pc", machineProps, firmware }: VmConfig,
  { arch }: Pick<HostFacts, "arch">,
): ResetHabit {
  const x86 = arch === "x86_64" || arch === "i386";
  const own = firmware?.bios ?? firmware?.code ?? machineProps?.firmware;
  return x86 && /^(pc|q35)(-|$)/.test(machine) && own === undefined ? "repeats" : "once";
}
