import type { MonitorConfig, VmConfig } from "./config.ts";
import type { HostFacts } from "./facts.ts";
import { formatOption } from "./options.ts";
import type { RunPaths } from "./run_paths.ts";

/**
 * The arguments for every monitor, the built-in ones first: a `-chardev` and a `-mon` each.
 *
 * @param config The config.
 * @param facts Whether there is a recorder, and a launch that QEMU is tied to.
 * @param paths Where the sockets are.
 * @returns Arguments.
 */
export function monitorArgs(
  config: VmConfig,
  facts: Pick<HostFacts, "recorder" | "tie">,
  paths: RunPaths,
): string[] {
  const builtIn: readonly MonitorConfig[] = [
    { id: "control", address: { transport: "unix", path: paths.control } },
    { id: "watch", address: { transport: "unix", path: paths.watch } },
    { id: "hmp", mode: "readline", address: { transport: "unix", path: paths.hmp } },
  ];
  const tie = tieArgs(facts, paths);
  return [
    ...builtIn.flatMap((monitor) => oneMonitor(monitor, paths)),
    ...tie.chardev,
    ...recorderArgs(facts, paths),
    ...(config.monitors ?? []).flatMap((monitor) => oneMonitor(monitor, paths)),
    ...tie.monitor,
  ];
}

function oneMonitor(monitor: MonitorConfig, paths: RunPaths): string[] {
  const { id, mode = "control", pretty } = monitor;
  return [
    "-chardev",
    monitorChardev(monitor, paths),
    "-mon",
    formatOption(undefined, { chardev: id, mode, pretty }),
  ];
}

/**
 * The monitor that QEMU reports to its launch on. Its connection fails where nobody listens, and that ends QEMU; so its chardev comes before all
 * that is the config's, since QEMU makes them in order. The monitor itself is the last one: QEMU's I/O thread has all others before it.
 */
function tieArgs(
  { tie }: Pick<HostFacts, "tie">,
  paths: RunPaths,
): { chardev: readonly string[]; monitor: readonly string[] } {
  if (tie === undefined) return { chardev: [], monitor: [] };
  return {
    chardev: ["-chardev", formatOption("socket", { id: "tie", path: paths.tie, server: false })],
    monitor: ["-mon", formatOption(undefined, { chardev: "tie", mode: "control" })],
  };
}

/**
 * A command line that can be used again: without what was one launch's own.
 *
 * @param argv The command line of a launch.
 * @returns The same without the monitor that it reported to its launch on.
 */
export function withoutTie(argv: readonly string[]): readonly string[] {
  const isTie = (at: number) =>
    (argv[at] === "-chardev" && (argv[at + 1]?.startsWith("socket,id=tie,") ?? false)) ||
    (argv[at] === "-mon" && (argv[at + 1]?.startsWith("chardev=tie,") ?? false));
  return argv.filter((_, at) => !isTie(at) && !isTie(at - 1));
}

/** A monitor that nobody connects to: two regular files, one with its only command, one for all that it says. */
function recorderArgs({ recorder }: Pick<HostFacts, "recorder">, paths: RunPaths): string[] {
  if (recorder === undefined) return [];
  return [
    "-chardev",
    formatOption(recorder, { id: "recorder", path: paths.recorder }),
    "-mon",
    formatOption(undefined, { chardev: "recorder", mode: "control" }),
  ];
}

function monitorChardev(monitor: MonitorConfig, paths: RunPaths): string {
  const { id, address = { transport: "unix", path: paths.monitor(id) }, server = true } = monitor;
  // Without wait=off QEMU would not start before somebody connects.
  const listening = { server, wait: server ? false : undefined };
  switch (address.transport) {
    case "unix":
      return address.path.startsWith("\0")
        ? formatOption("socket", { id, path: address.path.slice(1), abstract: true, ...listening })
        : formatOption("socket", { id, path: address.path, ...listening });
    case "tcp":
      return formatOption("socket", { id, host: address.host, port: address.port, ...listening });
    case "stdio":
      // signal=off: a Ctrl-C in the guest's monitor must not end QEMU.
      return formatOption("stdio", { id, signal: false });
  }
}

/**
 * The arguments of a chardev on a unix socket that QEMU listens on.
 *
 * @param id The chardev's id.
 * @param path The socket.
 * @param logFile A file that QEMU appends to whatever comes out, with or without a client.
 * @returns Arguments.
 */
export function listeningChardev(id: string, path: string, logFile?: string): string[] {
  return [
    "-chardev",
    formatOption("socket", {
      id,
      path,
      server: true,
      wait: false,
      logfile: logFile,
      logappend: logFile === undefined ? undefined : true,
    }),
  ];
}

/**
 * Does a config put one of its control-mode monitors on QEMU's stdin and stdout?
 *
 * @param config The config.
 * @returns Whether both have to be pipes.
 */
export function usesStdio(config: VmConfig): boolean {
  return (config.monitors ?? []).some((monitor) => monitor.address?.transport === "stdio");
}
