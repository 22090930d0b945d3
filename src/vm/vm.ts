import type {
  AnyQmpEvent,
  EventStream,
  Logger,
  QmpClient,
  QmpEvent,
  QmpEvents,
  StatusInfo,
} from "../qmp/mod.ts";
import type { UsernetForward } from "../machine/mod.ts";
import type { QgaClient } from "../qga/mod.ts";
import type { HmpMonitor } from "./hmp_monitor.ts";
import type { Lifetime } from "./qemu_process.ts";
import type { SerialConsole } from "./serial_console.ts";
import type { StopOptions } from "./stop_ladder.ts";
import type { Verdict } from "./verdict_types.ts";

/**
 * What `launch` takes beside the config.
 *
 * @example
 * ```ts
 * import { launch, type LaunchOptions } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const options: LaunchOptions = { paused: true, stop: { powerdownMs: 0 } };
 * await using vm = await launch({ accel: "tcg" }, options);
 * assertEquals((await vm.status()).status, "prelaunch");
 * assertEquals((await vm.shutdown()).rung, "quit");
 * ```
 */
export interface LaunchOptions {
  /** Gives up the launch; QEMU is ended and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * The run directory: sockets, logs, secrets. It is made, or must be empty, and gets mode 0700; its logs stay when the VM is disposed
   * of. Default: a new one under `$XDG_RUNTIME_DIR/qeeper`, or under `qeeper-UID` in the temporary directory, which is
   * removed when the VM is disposed of.
   */
  runDir?: string;
  /** Leave the guest's CPUs stopped; `resume()` starts them. Default false. */
  paused?: boolean;
  /** The budgets of `shutdown()` when it is called without any. */
  stop?: StopOptions;
  /** Told what is neither a result nor an error. Default: silent. */
  logger?: Logger;
  /** How long QEMU lives. Default `{ kind: "owned" }`: it ends with this process, even when that is killed. */
  lifetime?: Lifetime;
  /**
   * On SIGINT, SIGTERM and SIGHUP: `stop` ends QEMU, removes its run directory and lets the signal have its effect; `ignore` leaves
   * signals to the caller. Default: `stop` where QEMU is owned, `ignore` where it outlives this process.
   */
  signals?: "stop" | "ignore";
  /**
   * `on`: QEMU itself writes every event to a file in the run directory, so that what happens while nobody is connected can be read later. Default
   * `off`.
   */
  recorder?: "on" | "off";
  /** Told every byte that goes over the monitors of this launch, from their negotiation on. Default: nobody, at no cost. */
  wire?: VmWireTap;
}

/**
 * Told each piece of what goes over a VM's QMP monitors, as it goes. The bytes are only lent: copy what is to be kept. One that throws is
 * not called again.
 *
 * @param monitor The monitor's id: `control`, `watch`, or one of the config's own.
 * @param direction Whose words: `sent` by this side, or `received` from QEMU.
 * @param bytes A piece, which may begin and end in the middle of a message.
 *
 * @example
 * ```ts
 * import { launch, type VmWireTap } from "@qeeper/qeeper";
 * import { assertStringIncludes } from "@std/assert";
 *
 * let sent = "";
 * const wire: VmWireTap = (monitor, direction, bytes) => {
 *   if (monitor === "control" && direction === "sent") sent += new TextDecoder().decode(bytes);
 * };
 * await using vm = await launch({ machine: "none", accel: "tcg" }, { wire });
 * await vm.status();
 * assertStringIncludes(sent, "query-status");
 * ```
 */
export type VmWireTap = (monitor: string, direction: "sent" | "received", bytes: Uint8Array) => void;

/**
 * What `attach` takes beside the address.
 *
 * @example
 * ```ts
 * import { attach, type AttachOptions, QmpConnectError } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * const options: AttachOptions = { timeoutMs: 200, whileMissing: "retry" };
 * await assertRejects(() => attach({ transport: "unix", path: "/nobody/listens" }, options), QmpConnectError);
 * ```
 */
export interface AttachOptions {
  /** Gives up the attempt. */
  signal?: AbortSignal;
  /** How long greeting and negotiation may take, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** When nobody listens at the address: `fail` at once (default), or `retry` for as long, for a QEMU that is only just starting. */
  whileMissing?: "fail" | "retry";
  /** The budgets of `shutdown()` when it is called without any. */
  stop?: StopOptions;
  /** Told what is neither a result nor an error. Default: silent. */
  logger?: Logger;
}

/**
 * What each question to a running VM takes. There is no time limit unless one is given: a QEMU that is busy or stopped answers late, or
 * never.
 *
 * @example
 * ```ts
 * import { launch, type VmCallOptions } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const options: VmCallOptions = { timeoutMs: 10_000 };
 * assertEquals(await vm.hmp("info status", options), "VM status: running\r\n");
 * ```
 */
export interface VmCallOptions {
  /** Stops waiting, not what was asked for. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting for each answer of QEMU's after so many milliseconds, with a `QmpTimeoutError`. */
  timeoutMs?: number;
}

/**
 * What `shutdown` takes: the budget of each rung, and a signal.
 *
 * @example
 * ```ts
 * import { launch, type ShutdownOptions } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const options: ShutdownOptions = { powerdownMs: 0, signal: AbortSignal.timeout(10_000) };
 * assertEquals((await vm.shutdown(options)).cause, "host-quit");
 * ```
 */
export interface ShutdownOptions extends StopOptions {
  /** Stops waiting; the ladder is climbed to its end all the same. Rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * One running QEMU.
 *
 * Disposing a launched one ends QEMU within 5 s (`quit`, SIGTERM, SIGKILL; the guest's own shutdown is `shutdown()`'s
 * business). Disposing an attached one lets go of it and never stops it.
 *
 * @example
 * ```ts
 * import { launch, type Vm } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const name = async (vm: Vm) => (await vm.qmp.execute("query-name")).name;
 *
 * await using vm = await launch({ name: "web", machine: "none", accel: "tcg" });
 * assertEquals(await name(vm), "web");
 * assertEquals([...vm.monitors.keys()], ["control", "watch", "hmp"]);
 * ```
 */
export interface Vm extends AsyncDisposable {
  /** The guest's name. */
  readonly name: string;
  /** QEMU's process id; null when attached. */
  readonly pid: number | null;
  /**
   * The exact command line; null when attached. To run it by hand leave out the two words of `-chardev` and the two of `-mon` that are about
   * `tie`: QEMU reports to its launch on it, and ends where nobody listens.
   */
  readonly argv: readonly string[] | null;
  /** The run directory; null when attached. */
  readonly runDir: string | null;
  /** The end of what QEMU said on stderr so far; empty when attached. */
  readonly stderrTail: string;
  /** The `control` monitor, for commands. */
  readonly qmp: QmpClient;
  /** All monitors by id: `control`, `watch`, `hmp`, and the config's own; when attached, `control` only. */
  readonly monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  /** The guest's console; null when it has none, or when attached. */
  readonly console: SerialConsole | null;
  /**
   * The guest agent, when the config has `agent: true`; else, or when attached, null. It connects with the first command, so wait with
   * `agent.ready()` until the guest has started it.
   */
  readonly agent: QgaClient | null;
  /**
   * Resolves once, when the process is gone (attached: when the connection is), with everything that it said delivered. Never rejects. A
   * VM that is let go of resolves with the cause `lost`, and `process: "running"`. (QEMU 7.2 can wait for ever in its own exit when a command
   * reaches it in that instant; seen on a busy host that asked several times each 100 ms, once in a hundred power-offs. `shutdown` ends it.)
   */
  readonly stopped: Promise<Verdict>;

  /**
   * The events of these names from this call on; all of them, known or not, when there is none. They come from the `watch` monitor,
   * and should that be lost, from `control`, with none missing.
   *
   * @returns A bounded stream; dispose of it. It ends with the VM.
   */
  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  /**
   * Ends of the guest that leave the process alive, from this call on: a power-off, panic or watchdog that is held, a reset.
   *
   * @returns A bounded stream of verdicts; dispose of it. It ends with the VM.
   */
  ends(): EventStream<Verdict>;
  /** What `query-status` answers. */
  status(options?: VmCallOptions): Promise<StatusInfo>;
  /** Runs a command of the human monitor (`human-monitor-command`) and returns what it prints, errors included. */
  hmp(command: string, options?: VmCallOptions): Promise<string>;
  /** The port forwards of user networks as they are, with the host ports that QEMU chose. */
  forwards(options?: VmCallOptions): Promise<readonly UsernetForward[]>;
  /** Stops the guest's CPUs. */
  pause(options?: VmCallOptions): Promise<void>;
  /** Starts the guest's CPUs. */
  resume(options?: VmCallOptions): Promise<void>;
  /** Resets the guest, as its reset button would; a guest that is held at its end starts again. */
  reset(options?: VmCallOptions): Promise<void>;
  /**
   * The guest's screen as PNG. QEMU writes it to a file, so it must be on this host.
   *
   * @throws {QmpCommandError} When the guest has no graphics card.
   */
  screenshot(options?: VmCallOptions): Promise<Uint8Array>;
  /**
   * Ends the guest and QEMU: power button, `quit`, SIGTERM, SIGKILL, each with its budget. The verdict's `rung` says which worked. While
   * one is under way, further calls wait for it.
   *
   * @throws {RangeError} When a budget is negative or not a number.
   * @throws {Error} When attached, and QEMU obeys neither power button nor `quit`.
   */
  shutdown(options?: ShutdownOptions): Promise<Verdict>;
  /**
   * Ends QEMU at once, with SIGKILL.
   *
   * @throws {TypeError} When attached: there is no process to kill.
   */
  kill(options?: Pick<VmCallOptions, "signal">): Promise<Verdict>;
  /**
   * Lets go of QEMU and leaves it running; disposing then does nothing. Only for one that can outlive this process: detached, or
   * attached.
   *
   * @throws {TypeError} When QEMU ends with this process.
   */
  release(): Promise<void>;
}
