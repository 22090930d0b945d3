import type { QmpEvents, StatusInfo } from "../qapi/mod.ts";
import type { AnyQmpEvent, EventStream, Logger, QmpClient, QmpEvent } from "../qmp/mod.ts";
import type { UsernetForward } from "../machine/mod.ts";
import type { HmpMonitor } from "./hmp_monitor.ts";
import type { Lifetime } from "./qemu_process.ts";
import type { SerialConsole } from "./serial_console.ts";
import type { StopOptions } from "./stop_ladder.ts";
import type { Verdict } from "./verdict.ts";

/** What `launch` takes beside the config. */
export interface LaunchOptions {
  /** Gives up the launch; QEMU is ended and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * The run directory: sockets, logs, secrets. It is made, or must be empty. Default: a new one under `$XDG_RUNTIME_DIR/qeeper`, or
   * under `qeeper-UID` in the temporary directory, which is removed when the VM is disposed of.
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
   * On SIGINT, SIGTERM and SIGHUP: `stop` (default) ends QEMU and lets the signal have its effect; `ignore` leaves signals to the
   * caller.
   */
  signals?: "stop" | "ignore";
}

/** What `attach` takes beside the address. */
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
 * One running QEMU.
 *
 * Disposing a launched one ends QEMU within 5 s (`quit`, SIGTERM, SIGKILL; the guest's own shutdown is `shutdown()`'s
 * business). Disposing an attached one lets go of it and never stops it.
 */
export interface Vm extends AsyncDisposable {
  /** The guest's name. */
  readonly name: string;
  /** QEMU's process id; null when attached. */
  readonly pid: number | null;
  /** The exact command line; null when attached. */
  readonly argv: readonly string[] | null;
  /** The run directory; null when attached. */
  readonly runDir: string | null;
  /** The `control` monitor, for commands. */
  readonly qmp: QmpClient;
  /** All monitors by id: `control`, `watch`, `hmp`, and the config's own. */
  readonly monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  /** The guest's console; null when it has none, or when attached. */
  readonly console: SerialConsole | null;
  /** Resolves once, when the process is gone (attached: when the connection is). Never rejects. */
  readonly stopped: Promise<Verdict>;

  /** The events of these names from this call on; all of them, known or not, when there is none. Dispose the stream. */
  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  /** Ends of the guest that leave the process alive, from this call on: a power-off, panic or watchdog that is held, a reset. */
  ends(): EventStream<Verdict>;
  /** What `query-status` answers. */
  status(): Promise<StatusInfo>;
  /** Runs a command of the human monitor (`human-monitor-command`) and returns what it prints, errors included. */
  hmp(command: string): Promise<string>;
  /** The port forwards of user networks as they are, with the host ports that QEMU chose. */
  forwards(): Promise<readonly UsernetForward[]>;
  /** Stops the guest's CPUs. */
  pause(): Promise<void>;
  /** Starts the guest's CPUs. */
  resume(): Promise<void>;
  /** Resets the guest, as its reset button would; a guest that is held at its end starts again. */
  reset(): Promise<void>;
  /** The guest's screen as PNG. The config must have given it a graphics card. */
  screenshot(): Promise<Uint8Array>;
  /**
   * Ends the guest and QEMU: power button, `quit`, SIGTERM, SIGKILL, each with its budget. The verdict's `rung` says which worked.
   */
  shutdown(options?: StopOptions): Promise<Verdict>;
  /** Ends QEMU at once, with SIGKILL. Rejects when attached: there is no process to kill. */
  kill(): Promise<Verdict>;
  /** Lets go of QEMU and leaves it running. Only for one that can outlive this process: detached, or attached. */
  release(): Promise<void>;
}
