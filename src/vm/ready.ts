import { abortable } from "@std/async/abortable";
import type { RunPaths, VmConfig } from "../machine/mod.ts";
import { alarm } from "../qmp/alarm.ts";
import { dial, type Logger, type QmpClient } from "../qmp/mod.ts";
import { earlyExitError, LaunchError } from "./errors.ts";
import { closeAll, connectMonitors, type ReadyMonitors } from "./monitors.ts";
import type { SpawnedProcess } from "./qemu_process.ts";
import type { ResetLog } from "./reset_log.ts";
import { SerialConsole } from "./serial_console.ts";
import type { VmWireTap } from "./vm.ts";
import { inTime } from "./waiting.ts";

/** How long QEMU may take to become ready. Only a host in great trouble needs more: 20 to 60 ms are usual. */
const READY_MS = 60_000;
/** How long the end of a QEMU may lag behind the end of its connections, in milliseconds (90 was the longest seen). */
const EXIT_LAG_MS = 1_000;

/** A QEMU that was just spawned. */
export interface Launching {
  process: SpawnedProcess;
  config: VmConfig;
  paths: RunPaths;
  name: string;
  argv: readonly string[];
  /** Resolves when QEMU's monitors can be connected to; null where that is not told. */
  listening: Promise<void> | null;
  resetLog: ResetLog | null;
  /** Waits until QEMU records its events; null when it does not. */
  untilRecording: ((signal: AbortSignal) => Promise<void>) | null;
  /** Leave the CPUs stopped. */
  paused: boolean;
  signal: AbortSignal | undefined;
  logger: Logger;
  /** Told what goes over the monitors. */
  wire: VmWireTap | undefined;
}

/** What a ready QEMU is talked to by. */
export interface Connected {
  monitors: ReadyMonitors;
  console: SerialConsole | null;
}

/**
 * Connects everything and starts the guest, unless QEMU ends first: then its own words are the error.
 *
 * @param launching What was spawned.
 * @returns The connections.
 * @throws {LaunchError} When QEMU ends, or does not become ready.
 * @throws {Deno.errors.NotCapable} When this script may not connect to a monitor.
 */
export async function untilReady(launching: Launching): Promise<Connected> {
  const { process, signal, name, argv } = launching;
  signal?.throwIfAborted();
  const attempt = new AbortController();
  const aborted = () => attempt.abort(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const late = () => attempt.abort(new Error(`It was not ready after ${READY_MS / 1000} s`));
  using _limit = alarm(READY_MS, late);
  let stage: "trying" | "over" = "trying";
  process.exited.then(() => {
    if (stage === "trying") attempt.abort(new Error("QEMU ended"));
  });
  try {
    return await connect(launching, attempt);
  } catch (error) {
    signal?.throwIfAborted();
    // What this script may not do is not QEMU's fault.
    if (error instanceof Deno.errors.NotCapable) throw error;
    // A connection that breaks is how QEMU's end looks from here: the end itself follows at once.
    if (await inTime(process.exited, EXIT_LAG_MS)) {
      throw earlyExitError(name, argv, process.exit, process.stderrTail());
    }
    throw new LaunchError(
      `Cannot start VM "${name}": QEMU runs and did not become ready: ${messageOf(error)}`,
      { argv, stderrTail: process.stderrTail() },
      { cause: error },
    );
  } finally {
    stage = "over";
    signal?.removeEventListener("abort", aborted);
  }
}

async function connect(launching: Launching, attempt: AbortController): Promise<Connected> {
  const { paths, argv } = launching;
  const { signal } = attempt;
  // Where it is not told, connecting is tried every 2 ms.
  if (launching.listening) await abortable(launching.listening, signal);
  const hasConsole = argv.some((arg) => arg.startsWith("socket,id=console,"));
  const console = hasConsole ? await openConsole(paths.console, signal) : null;
  try {
    return { monitors: await connectAll(launching, attempt), console };
  } catch (error) {
    await console?.[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Connects to the console, before any monitor is spoken to. What the guest says before QEMU has taken the connection would be lost; but one
 * that waits when the negotiation begins is taken, at the latest, in the turn of QEMU's main loop that obeys `cont`, and the CPUs get that
 * loop's lock only when its turn is over.
 */
async function openConsole(path: string, signal: AbortSignal): Promise<SerialConsole> {
  const address = { transport: "unix", path } as const;
  return new SerialConsole(await dial(address, Infinity, { signal, whileMissing: "retry" }));
}

/** Negotiates on every monitor, and starts the guest. */
async function connectAll(launching: Launching, attempt: AbortController): Promise<ReadyMonitors> {
  const { config, paths, process, logger, wire } = launching;
  const { signal } = attempt;
  const coming = connectMonitors(config, paths, process, { attempt, logger, wire });
  // All at once, so that what opened beside a failure is there to be closed.
  const [connecting, recording] = await Promise.allSettled([
    coming.ready,
    coming.control.then(() => launching.untilRecording?.(signal)),
    coming.control.then(() => launching.resetLog?.skip()),
  ]);
  if (connecting.status === "rejected") throw connecting.reason;
  const monitors = connecting.value;
  try {
    if (recording.status === "rejected") throw recording.reason;
    if (!launching.paused && config.incoming === undefined) await startGuest(monitors.control, signal);
    return monitors;
  } catch (error) {
    await closeAll(monitors.all.values());
    throw error;
  }
}

/**
 * Starts the guest's CPUs. That they run QEMU says by RESUME just before it lets them; its answer has to get past what the guest does then,
 * and may be 1 ms later.
 */
async function startGuest(qmp: QmpClient, signal: AbortSignal): Promise<void> {
  using resumed = qmp.events("RESUME");
  const answered = qmp.execute("cont", {}, { signal });
  const said = async () => {
    // Where the connection ended first, the command knows why.
    if ((await resumed.next()).done) await answered;
  };
  // What becomes of the answer after RESUME is the connection's end, and so the VM's: its verdict tells.
  await Promise.race([said(), answered]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
