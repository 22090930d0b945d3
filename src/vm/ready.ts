import { abortable } from "@std/async/abortable";
import type { RunPaths, VmConfig } from "../machine/mod.ts";
import { alarm } from "../qmp/alarm.ts";
import { type ByteTransport, dial, type Logger, type QmpClient } from "../qmp/mod.ts";
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
  /** Resolves when QEMU listens on its monitors; null where that is not told. */
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
  const { config, paths, process, argv, logger, wire } = launching;
  const { signal } = attempt;
  // Where it is not told, connecting is tried every 2 ms.
  if (launching.listening) await abortable(launching.listening, signal);
  const coming = connectMonitors(config, paths, process, { attempt, logger, wire });
  const hasConsole = argv.some((arg) => arg.startsWith("socket,id=console,"));
  // All at once, so that what opened beside a failure is there to be closed.
  const [connecting, opening, recording] = await Promise.allSettled([
    coming.ready,
    hasConsole ? openConsole(paths.console, coming.control, attempt) : null,
    coming.control.then(() => launching.untilRecording?.(signal)),
    coming.control.then(() => launching.resetLog?.skip()),
  ]);
  const console = opening.status === "fulfilled" && opening.value ? new SerialConsole(opening.value) : null;
  try {
    if (connecting.status === "rejected") throw connecting.reason;
    if (opening.status === "rejected") throw opening.reason;
    if (recording.status === "rejected") throw recording.reason;
    if (!launching.paused && config.incoming === undefined) {
      await connecting.value.control.execute("cont", {}, { signal });
    }
    return { monitors: connecting.value, console };
  } catch (error) {
    await console?.[Symbol.asyncDispose]();
    if (connecting.status === "fulfilled") await closeAll(connecting.value.all.values());
    throw error;
  }
}

/**
 * Connects to the console as soon as QEMU listens, which is long before it has built the machine, and waits until QEMU has taken the
 * connection: what the guest says before that is lost.
 */
async function openConsole(
  path: string,
  control: Promise<QmpClient>,
  attempt: AbortController,
): Promise<ByteTransport> {
  const { signal } = attempt;
  let transport: ByteTransport | null = null;
  try {
    transport = await dial({ transport: "unix", path }, Infinity, { signal, whileMissing: "retry" });
    await untilTaken(await control, signal);
    return transport;
  } catch (error) {
    attempt.abort(error);
    await transport?.close();
    throw error;
  }
}

async function untilTaken(qmp: QmpClient, signal: AbortSignal): Promise<void> {
  for (;;) {
    const chardevs = await qmp.execute("query-chardev", {}, { signal });
    const console = chardevs.find(({ label }) => label === "console");
    if (console && !console.filename.startsWith("disconnected:")) return;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
