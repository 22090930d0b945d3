import { type Board, boardOf, machineType } from "./board.ts";
import type { VmConfig } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { channelArgs, deviceArgs, shareArgs } from "./devices.ts";
import { driveArgs, firmwareArgs } from "./drives.ts";
import type { HostFacts } from "./facts.ts";
import { monitorArgs } from "./monitors.ts";
import { networkArgs } from "./networks.ts";
import { formatOption, type OptionValue } from "./options.ts";
import type { RunPaths } from "./run_paths.ts";
import { sandboxArgs } from "./sandbox.ts";
import { secretArgs } from "./secrets.ts";
import { socketIssues } from "./socket_path.ts";

/** The guest's memory where a config says nothing, in MiB. */
const DEFAULT_MEMORY_MIB = 128;

/**
 * Compiles a config to QEMU's whole command line. Nothing is looked up: the same arguments always give the same result.
 *
 * QEMU's own defaults and configuration files are off (`-nodefaults -no-user-config`), and it starts paused (`-S`), so that
 * the guest's first byte is not said before somebody listens.
 *
 * @param config A checked config ({@linkcode parseVmConfig}).
 * @param facts What is known of the host's QEMU.
 * @param paths The run directory's paths.
 * @returns The command line, the binary first.
 * @throws {ConfigError} If a socket has a longer path than QEMU and Deno take.
 *
 * @example
 * ```ts
 * import { compileArgv, runPaths } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const facts = { binary: "qemu-system-x86_64", arch: "x86_64", accel: "tcg", sandbox: true } as const;
 * const argv = compileArgv({ cdrom: "a,b.iso" }, facts, runPaths("/run/vm"));
 *
 * assertEquals(argv[0], "qemu-system-x86_64");
 * assertEquals(argv.filter((word) => word.endsWith("file.driver=file,file.filename=a,,b.iso")).length, 1);
 * ```
 */
export function compileArgv(config: VmConfig, facts: HostFacts, paths: RunPaths): readonly string[] {
  const wrong = socketIssues(config, paths);
  if (wrong.length > 0) throw new ConfigError(wrong);
  const board = boardOf(config, facts);
  return [
    facts.binary,
    "-nodefaults",
    "-no-user-config",
    "-S",
    "-name",
    formatOption(undefined, { guest: config.name ?? "vm" }),
    ...when("-uuid", config.uuid),
    ...machineArgs(config, facts),
    ...firmwareArgs(config.firmware),
    ...when("-kernel", config.kernel),
    ...when("-initrd", config.initrd),
    ...when("-append", config.append),
    ...when("-boot", config.boot && formatOption(undefined, { ...config.boot })),
    ...when("-rtc", config.rtc && formatOption(undefined, { ...config.rtc })),
    ...when("-action", config.actions && formatOption(undefined, { ...config.actions })),
    ...sandboxArgs(config, facts),
    "-pidfile",
    paths.pidFile,
    ...resetLogArgs(config, facts, paths),
    ...secretArgs(config, paths),
    ...monitorArgs(config, facts, paths),
    ...partArgs(config, board, paths),
    ...when("-incoming", config.incoming),
    ...(config.extraArgs ?? []),
  ];
}

function partArgs(config: VmConfig, board: Board, paths: RunPaths): string[] {
  return [
    ...channelArgs(config, board, paths),
    ...driveArgs(config, board),
    ...networkArgs(config, board),
    ...deviceArgs(config, board),
    ...shareArgs(config, board),
  ];
}

/** An option with its argument, unless that is undefined or empty pairs (`boot: {}`). An empty `-append` is one all the same. */
function when(option: string, argument: string | undefined): string[] {
  if (argument === undefined || (argument === "" && option !== "-append")) return [];
  return [option, argument];
}

function machineArgs(config: VmConfig, facts: HostFacts): string[] {
  const memoryMiB = config.memoryMiB ?? DEFAULT_MEMORY_MIB;
  const props: Record<string, OptionValue> = { ...config.machineProps };
  const args: string[] = [];
  const sharesMemory = config.shares?.some((share) => share.type === "virtiofs") ?? false;
  if (sharesMemory && props["memory-backend"] === undefined) {
    // virtiofsd reads the guest's memory itself.
    args.push(
      "-object",
      formatOption("memory-backend-memfd", { id: "mem0", size: `${memoryMiB}M`, share: true }),
    );
    props["memory-backend"] = "mem0";
  }
  const machine = formatOption(machineType(config, facts), props);
  return [
    ...args,
    ...when("-machine", machine),
    "-accel",
    facts.accel,
    ...when("-cpu", config.cpu),
    ...when("-smp", smp(config)),
    "-m",
    formatOption(undefined, { size: `${memoryMiB}M` }),
  ];
}

function smp({ cpus, topology }: VmConfig): string | undefined {
  if (cpus === undefined && topology === undefined) return undefined;
  const { sockets, dies, cores, threads } = topology ?? {};
  const product = (sockets ?? 1) * (dies ?? 1) * (cores ?? 1) * (threads ?? 1);
  // Factors that are left out count as 1: QEMU would make sockets or cores of what is missing.
  const factors = topology && { sockets: sockets ?? 1, dies, cores: cores ?? 1, threads: threads ?? 1 };
  return formatOption(undefined, { cpus: cpus ?? product, ...factors });
}

function resetLogArgs(config: VmConfig, facts: HostFacts, paths: RunPaths): string[] {
  const ownLog = config.extraArgs?.some((arg) => /^--?[dD]$/.test(arg)) ?? false;
  const wanted = config.logResets ?? (facts.accel === "tcg" && !ownLog);
  return wanted ? ["-d", "cpu_reset", "-D", paths.cpuResetLog] : [];
}
