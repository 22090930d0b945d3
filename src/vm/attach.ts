import { formatAddress, type MonitorAddress } from "../qmp/address.ts";
import { QmpClient } from "../qmp/client.ts";
import { silentLogger } from "../qmp/logger.ts";
import { checkBudgets } from "./stop_ladder.ts";
import type { AttachOptions, Vm } from "./vm.ts";

/** How long each question to a QEMU that was just attached to may take unless the caller says otherwise, in milliseconds. */
const QUESTION_MS = 5_000;

/**
 * Takes part in a QEMU that somebody else started: any QEMU with a QMP monitor will do, such as one with `-qmp
 * tcp:localhost:4444,server=on,wait=off`.
 *
 * @param address Its QMP monitor. It serves one client at a time, so it is taken while the VM is not disposed of.
 * @param options Signal and time limit.
 * @returns The VM. Its `pid`, `argv`, `runDir`, `console` and `agent` are null; disposing it lets go and never stops QEMU.
 * @throws {MonitorBusyError} When another client has that monitor.
 * @throws {QmpConnectError} When nobody listens there, or no QMP is spoken.
 * @throws {QmpTimeoutError} When it greets, and then does not answer in time.
 * @throws {RangeError} When a budget of `options.stop` is no time.
 *
 * @example
 * ```ts
 * import { attach, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using mine = await launch({ machine: "none", accel: "tcg", name: "theirs" });
 * await mine.qmp.close(); // one client a monitor: make room
 * await using vm = await attach({ transport: "unix", path: `${mine.runDir}/control` });
 * assertEquals([vm.name, vm.pid], ["theirs", null]);
 * ```
 */
export async function attach(address: MonitorAddress, options: AttachOptions = {}): Promise<Vm> {
  const logger = options.logger ?? silentLogger;
  checkBudgets(options.stop ?? {});
  const client = await QmpClient.connect(address, options);
  try {
    // Opened before the questions, so that nothing that happens meanwhile is missed.
    const events = client.events();
    const { signal, timeoutMs = QUESTION_MS } = options;
    const limits = { timeoutMs, ...(signal ? { signal } : {}) };
    const { name } = await client.execute("query-name", {}, limits);
    const { status } = await client.execute("query-status", {}, limits);
    // As after a launch, not before they are wanted.
    const { RunningVm } = await import("./running_vm.ts");
    const { heldEnd } = await import("./end_tracker.ts");
    const held = heldEnd(status, []);
    return new RunningVm({
      name: name ?? formatAddress(address),
      process: null,
      argv: null,
      runDir: null,
      control: client,
      events,
      standby: null,
      monitors: new Map([["control", client]]),
      console: null,
      agent: null,
      stop: options.stop ?? {},
      logger,
      resetLog: null,
      // Its firmware is not known; SeaBIOS is the usual one.
      resetHabit: "repeats",
      reboots: "reset",
      debugExit: false,
      recording: null,
      oomCount: null,
      found: {
        ...{ events: [], last: null, consoleTail: "", streams: "from-call" },
        held: held && { end: held, tripleFault: null, events: [], stop: null, tell: "no" },
      },
      onStopped: () => {},
    });
  } catch (error) {
    await client.close();
    throw error;
  }
}
