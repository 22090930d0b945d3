import { configArch, type RunPaths, runPaths, type VmConfig } from "../machine/mod.ts";
import { isSameUuid } from "../machine/uuid.ts";
import {
  type AnyQmpEvent,
  type EventStream,
  type Logger,
  type MonitorAddress,
  type Open,
  openTransport,
  QmpClient,
  type RunState,
  silentLogger,
} from "../qmp/mod.ts";
import { AdoptedProcess, provenStart } from "./adopted_process.ts";
import { resetHabitOf } from "./bring_up.ts";
import { readConsoleTail } from "./console_log.ts";
import { AdoptionError } from "./errors.ts";
import { findGuest } from "./found_guest.ts";
import { HmpMonitor } from "./hmp_monitor.ts";
import { readPidFile } from "./identity.ts";
import { addressOf } from "./monitors.ts";
import { countOomKills } from "./oom_kill.ts";
import type { QemuProcess } from "./qemu_process.ts";
import { readRecording } from "./recorder.ts";
import { eventsAfter } from "./recording.ts";
import { ReplayedEvents } from "./replayed_events.ts";
import { ResetLog } from "./reset_log.ts";
import { reopenRunDir } from "./run_dir.ts";
import { RunningVm } from "./running_vm.ts";
import { SerialConsole } from "./serial_console.ts";
import type { StopOptions } from "./stop_ladder.ts";
import type { TripleFault, Verdict } from "./verdict_types.ts";
import type { Vm } from "./vm.ts";
import type { VmParts } from "./vm_parts.ts";

/** How long QEMU may take for each answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** How often the recording is read again because the log of CPU resets has grown meanwhile, before it is let be. */
const LOG_LOOKS = 5;

/** A run that an earlier process launched, as far as it is remembered. */
export interface AdoptRun {
  name: string;
  /** What it was launched with. */
  config: VmConfig;
  argv: readonly string[];
  runDir: string;
  stderrFile: string;
  /** Null when that process died before it knew; then QEMU's pidfile tells. */
  pid: number | null;
  startTime: string | null;
}

/** How a run is adopted. */
export interface AdoptOptions {
  /** The recording as far as the caller has read it; what comes after that begins the first stream of `events()`. Default: nothing of it. */
  missed?: readonly AnyQmpEvent[];
  /** Whether signals may be sent, where the process can be proven to be this QEMU. Default `allowed`. */
  signals?: QemuProcess["signals"];
  /** Gives up. */
  signal?: AbortSignal;
  /** How long QEMU may take for each answer, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** The budgets of `shutdown()` when it is called without any. */
  stop?: StopOptions;
  logger?: Logger;
}

/** How a guest was when it was adopted. */
export interface FoundState {
  status: Open<RunState>;
  /** The end at which QEMU held it; null when it was not at its end. Every stream of `ends()` begins with it. */
  held: Verdict | null;
}

/** A VM that an earlier process launched. Its verdict has no exit status: only a parent gets that. */
export interface AdoptedVm extends Vm {
  readonly found: FoundState;
}

/**
 * Takes over a QEMU that an earlier process launched into a run directory, as if this one had: monitors, console, run directory, events. The guest
 * goes on and does not notice. That it is the right one has to be known; here only its uuid is compared.
 *
 * @param run The run.
 * @param options What of the recording is known, signal, time limit.
 * @returns The VM. Its first `events()` and its first `ends()` have all that came after `missed`, however late they are opened, with nothing
 * lost and nothing twice.
 * @throws {AdoptionError} When another QEMU answers.
 * @throws {QmpError} When QEMU does not answer. Nothing is left open then, and QEMU goes on.
 */
export async function adopt(run: AdoptRun, options: AdoptOptions = {}): Promise<AdoptedVm> {
  const { config, argv } = run;
  const { logger = silentLogger, missed = [], signals = "allowed", stop = {} } = options;
  const paths = runPaths(run.runDir);
  await using opened = new AsyncDisposableStack();
  const connected = await connectAll(run, paths, opened, options);
  const { control, watch, console } = connected;
  const status = await verify(run, control, options);
  const past = await lookBack(run, paths, missed);
  const pid = run.pid ?? await readPidFile(paths.pidFile);
  const startTime = await provenStart(pid, run.startTime, paths.pidFile);
  const oomCount = pid === null ? null : await countOomKills(pid);
  const qga = config.agent ? await import("../qga/mod.ts") : null;
  // From here on nothing is waited for, so that nothing can fail and leave something open.
  const sockets = [paths.control, paths.watch, paths.hmp];
  const process = new AdoptedProcess(
    { pid, startTime, signals, stderrFile: run.stderrFile, sockets },
    [control, watch, console].flatMap((connection) => connection?.closed ?? []),
  );
  const vm = new AdoptedRunningVm({
    ...{ name: run.name, process, argv, control, console, stop, logger, resetLog: past.resetLog },
    runDir: reopenRunDir(paths.dir),
    events: new ReplayedEvents(past.unseen, past.recorded, connected.events),
    standby: connected.standby,
    monitors: connected.monitors,
    agent: qga &&
      new qga.QgaClient({ transport: "unix", path: paths.agent }, { port: qga.agentPort(control), logger }),
    resetHabit: resetHabitOf(config, { arch: configArch(config) }),
    reboots: config.actions?.reboot === "shutdown" ? "held" : "reset",
    debugExit: argv.some((arg) => arg.startsWith("isa-debug-exit")),
    recording: (last) => readRecording(paths.dir, last),
    oomCount,
    found: {
      ...findGuest({ status, known: missed, unseen: past.unseen, tripleFault: past.tripleFault }),
      ...{ last: missed.at(-1) ?? null, consoleTail: past.consoleTail, streams: "from-now" },
    },
    onStopped: () => {},
  }, status);
  opened.move();
  return vm;
}

class AdoptedRunningVm extends RunningVm implements AdoptedVm {
  readonly found: FoundState;

  constructor(parts: VmParts, status: Open<RunState>) {
    super(parts);
    this.found = { status, held: this.held };
  }
}

/** What a QEMU that goes on is talked to by. */
interface Connected {
  control: QmpClient;
  /** Null where another client has it: then `control` has to do. */
  watch: QmpClient | null;
  /** Opened before anything was said, so that nothing that comes is missed. */
  events: EventStream<AnyQmpEvent>;
  standby: EventStream<AnyQmpEvent> | null;
  monitors: Map<string, QmpClient | HmpMonitor>;
  console: SerialConsole | null;
}

/** Connects to everything. Only the control monitor has to be there: what else another client has is done without. */
async function connectAll(
  { name, config, argv }: AdoptRun,
  paths: RunPaths,
  opened: AsyncDisposableStack,
  { logger = silentLogger, signal, timeoutMs = ANSWER_MS }: AdoptOptions,
): Promise<Connected> {
  const limits = { timeoutMs, ...(signal ? { signal } : {}) };
  const connect = async (address: MonitorAddress) =>
    opened.use(await QmpClient.connect(address, { ...limits, logger }));
  const ifFree = async <T>(what: string, connecting: Promise<T>): Promise<T | null> => {
    try {
      return await connecting;
    } catch (error) {
      signal?.throwIfAborted();
      logger.warn("Could not be taken over from an earlier process", { vm: name, what, error });
      return null;
    }
  };
  const openConsole = async () =>
    opened.use(new SerialConsole(await openTransport({ transport: "unix", path: paths.console }, signal)));
  const controlling = connect({ transport: "unix", path: paths.control });
  const hasConsole = argv.some((arg) => arg.startsWith("socket,id=console,"));
  // All at once, and all of them waited for, so that what opened beside a failure is there to be closed.
  const [first, second, third] = await Promise.allSettled([
    controlling,
    ifFree("watch", connect({ transport: "unix", path: paths.watch })),
    hasConsole ? ifFree("console", openConsole()) : null,
  ]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  if (third.status === "rejected") throw third.reason;
  const [control, watch, console] = [first.value, second.value, third.value];
  const standby = control.events();
  const events = watch?.events() ?? standby;

  const monitors = new Map<string, QmpClient | HmpMonitor>([["control", control]]);
  if (watch) monitors.set("watch", watch);
  monitors.set("hmp", new HmpMonitor("hmp", { transport: "unix", path: paths.hmp }));
  for (const own of config.monitors ?? []) {
    // The pipes of its stdio went with the process that started it; where QEMU connects to a listener, that has it.
    if (own.server === false || own.address?.transport === "stdio") continue;
    const taken = await ifFree(own.id, takeOver(own, paths, controlling, connect));
    if (taken) monitors.set(own.id, taken);
  }
  return { control, watch, events, standby: watch ? standby : null, monitors, console };
}

async function takeOver(
  own: NonNullable<VmConfig["monitors"]>[number],
  paths: RunPaths,
  controlling: Promise<QmpClient>,
  connect: (address: MonitorAddress) => Promise<QmpClient>,
): Promise<QmpClient | HmpMonitor> {
  const address = await addressOf(own, paths, controlling);
  return own.mode === "readline" ? new HmpMonitor(own.id, address) : await connect(address);
}

/** Makes sure that it is the one, and as it is meant to be: its last owner may have died in the middle of a reset. */
async function verify(
  { name, argv, config }: AdoptRun,
  control: QmpClient,
  { signal, timeoutMs = ANSWER_MS }: AdoptOptions,
): Promise<Open<RunState>> {
  const limits = { timeoutMs, ...(signal ? { signal } : {}) };
  const uuid = argv.includes("-uuid") ? argv[argv.indexOf("-uuid") + 1] : undefined;
  // In one go: with many guests it is the answers that take the time.
  const [{ UUID }, { status }] = await Promise.all([
    control.execute("query-uuid", {}, limits),
    control.execute("query-status", {}, limits),
  ]);
  if (uuid !== undefined && !isSameUuid(UUID, uuid)) {
    throw new AdoptionError(
      `Cannot adopt VM "${name}": the QEMU at its control socket has the uuid ${UUID}, and its own is ${uuid}; leave it alone`,
    );
  }
  if (config.actions?.reboot === "shutdown") {
    await control.execute("set-action", { reboot: "shutdown" }, limits);
  }
  return status;
}

/** What happened before, as QEMU wrote it down. */
interface Past {
  recorded: readonly AnyQmpEvent[];
  /** The end of it, which nobody has seen. */
  unseen: readonly AnyQmpEvent[];
  resetLog: ResetLog | null;
  tripleFault: TripleFault;
  consoleTail: string;
}

/** The log of CPU resets has an entry for each RESET, so both are read until neither has grown beside the other. */
async function lookBack({ argv }: AdoptRun, paths: RunPaths, missed: readonly AnyQmpEvent[]): Promise<Past> {
  const consoleTail = await readConsoleTail(paths.consoleLog);
  const read = async () => {
    const recorded = await readRecording(paths.dir);
    const unseen = eventsAfter(recorded, missed.at(-1) ?? null);
    return { recorded, unseen, resets: unseen.filter(({ event }) => event === "RESET").length };
  };
  let past = await read();
  if (!argv.includes(paths.cpuResetLog)) {
    return { ...past, resetLog: null, tripleFault: "unknown", consoleTail };
  }
  for (let look = 1;; look++) {
    const { log, tripleFault } = await ResetLog.reopen(paths.cpuResetLog, past.resets);
    const again = await read();
    if (again.resets === past.resets || look === LOG_LOOKS) {
      return { ...again, resetLog: log, tripleFault, consoleTail };
    }
    past = again;
  }
}
