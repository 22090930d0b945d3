import type { MonitorAddress } from "../qmp/mod.ts";

/**
 * What a command on a readline monitor takes beside its text.
 *
 * @example
 * ```ts
 * import { HmpMonitor, type HmpOptions, QmpConnectError } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * const monitor = new HmpMonitor("hmp", { transport: "unix", path: "/nobody/listens" });
 * const options: HmpOptions = { timeoutMs: 500 };
 * await assertRejects(() => monitor.execute("info status", options), QmpConnectError);
 * ```
 */
export interface HmpOptions {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long the answer may take, in milliseconds. Default 5000. */
  timeoutMs?: number;
}

/**
 * A monitor for people (`mode=readline`). It serves one client at a time, so the connection is made for one command and given
 * up after it: between two commands a person can use the monitor. For scripts `Vm.hmp()` is better, which goes by way of
 * QMP's `human-monitor-command`.
 *
 * @example
 * ```ts
 * import { HmpMonitor, launch } from "@qeeper/qeeper";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const hmp = vm.monitors.get("hmp");
 * assert(hmp instanceof HmpMonitor);
 * assertEquals(await hmp.execute("info status"), "VM status: running\n");
 * ```
 */
export class HmpMonitor {
  /** Its id in the config. */
  readonly id: string;
  /** Where a person connects to it. */
  readonly address: MonitorAddress;

  /**
   * @param id Its id in the config.
   * @param address Where it is.
   */
  constructor(id: string, address: MonitorAddress) {
    this.id = id;
    this.address = address;
  }

  /**
   * Runs one command.
   *
   * @param command A line of HMP, such as `info status`.
   * @param options Time limit and signal.
   * @returns What the monitor printed, with `\n` as line end. Errors are printed too: HMP knows no other way.
   * @throws {TypeError} When the command has more than one line.
   * @throws {QmpConnectError} When nobody listens there.
   * @throws {Error} When somebody else has the monitor, or it does not answer in time.
   */
  async execute(command: string, options: HmpOptions = {}): Promise<string> {
    if (/[\r\n]/.test(command)) {
      throw new TypeError("Cannot run an HMP command of more than one line: send one at a time");
    }
    // What talks to it is loaded when that is wanted: few scripts do.
    const { askHmp } = await import("./hmp_conversation.ts");
    return await askHmp(this, command, options);
  }
}
