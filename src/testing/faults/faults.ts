import type { QmpEvent } from "../../qmp/mod.ts";
import type { Verdict, VmCallOptions } from "../../vm/mod.ts";
import type { ClockWay } from "./clock_jump.ts";
import type { Flood, FloodOptions } from "./console_flood.ts";
import type { DiskFailure } from "./disk_faults.ts";
import type { DiskLimits } from "./disk_limits.ts";
import type { Fault, FaultReport } from "./fault.ts";
import type { GuestPanic, PanicWay } from "./guest_faults.ts";
import type { GuestShell } from "./scene.ts";

/**
 * What `createFaults` takes beside the VM.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type FaultsOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const done: string[] = [];
 * const options: FaultsOptions = { onFault: ({ kind }) => done.push(kind) };
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * await using faults = createFaults(vm, options);
 * await faults.killQemu();
 * assertEquals(done, ["kill"]);
 * ```
 */
export interface FaultsOptions {
  /** Runs commands in the guest, over a channel of their own. Default none: what needs one has other ways. */
  run?: GuestShell;
  /** Told of each fault as its effect is seen, and of the end of those that last. */
  onFault?: (report: FaultReport) => void;
}

/**
 * What can be done to a VM on purpose. Each call resolves when its effect is seen, takes a signal and a time limit (10 s unless said otherwise), and
 * rejects with a `FaultError` where it can't be brought about.
 *
 * What lasts comes as a `Fault`, which undoes it. Disposing of the whole undoes all that still last, the latest first; do so before the VM ends
 * (`await using`, after the VM).
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type Faults } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * await using faults: Faults = createFaults(vm);
 * const verdict = await faults.killQemu({ with: "SIGSEGV" });
 * assertEquals([verdict.cause, verdict.intent], ["crashed", "none"]);
 * ```
 */
export interface Faults extends AsyncDisposable {
  /**
   * Ends QEMU by a signal from outside, as the kernel, an operator or a bug would. The library takes it for a stranger's: the verdict's `intent` is
   * `none`.
   *
   * What follows: no event, and the verdict `killed`; for SIGTERM, SIGINT and SIGHUP the event SHUTDOWN with the reason `host-signal`, and the
   * verdict `host-signal`; for SIGSEGV, SIGABRT and the like the verdict `crashed`.
   *
   * @param options `with`: the signal; default SIGKILL.
   * @returns The verdict, when QEMU has gone.
   * @throws {FaultError} When there is no process to be killed (attached), it may not be, or it does not end in time.
   */
  killQemu(options?: VmCallOptions & { with?: Deno.Signal }): Promise<Verdict>;

  /**
   * Stops QEMU's process (SIGSTOP); undoing continues it (SIGCONT), and waits until it answers.
   *
   * What follows: no event at all, and no answer of any monitor, out of band neither; a supervisor finds it `unresponsive`.
   *
   * @param options Signal and time limit.
   * @throws {FaultError} When its process is not known here (attached), or may not be sent signals.
   */
  freeze(options?: VmCallOptions): Promise<Fault>;

  /**
   * Blocks QEMU's main loop. The guest runs on until it needs a device; the monitors take commands and don't answer them, except out of band.
   * Needs the program `mkfifo`, and a QEMU on this host.
   *
   * What follows: no event meanwhile; what was asked is answered when it is over. A supervisor finds it busy, and at last `unresponsive`.
   *
   * @param options `forMs`: how long; default until it is undone.
   * @throws {FaultError} When QEMU refuses, or can't be reached.
   */
  blockMainLoop(options?: VmCallOptions & { forMs?: number }): Promise<Fault>;

  /**
   * Pulls the cable of a network card (`set_link`); undoing plugs it in again.
   *
   * What follows: no event. QEMU's reply is its word that nothing passes any more; the guest's driver sees the carrier go.
   *
   * @param network The network's id; default the only one.
   * @param options Signal and time limit.
   * @throws {FaultError} When there is no such network, or more than one and none is named.
   */
  cutLink(network?: string, options?: VmCallOptions): Promise<Fault>;

  /**
   * Makes a disk slow (`block_set_io_throttle`); undoing gives it the limits that it had.
   *
   * What follows: no event. Short bursts of a tenth of a second pass unhindered.
   *
   * @param limits How slow.
   * @param options `disk`: the drive's id; default the only disk.
   * @throws {RangeError} When no limit is given, or one is not a positive integer.
   * @throws {FaultError} When there is no such disk, or more than one and none is named.
   */
  throttleDisk(limits: DiskLimits, options?: VmCallOptions & { disk?: string }): Promise<Fault>;

  /**
   * Makes a disk fail from now on, whatever it is and however it was configured: a `blkdebug` node is put between its device and its image, and undoing
   * takes it out again. To have it fail from the guest's first read, launch with `paused: true`. What the guest has in its own cache it may still
   * read, and what it writes there fails only when it is flushed.
   *
   * What follows, at the guest's next request: the event BLOCK_IO_ERROR. With the action `report` the guest gets the error. With
   * `stop` (`werror` or `rerror: "stop"`, or no space by default) the event STOP follows, the run state is `io-error`, and `ends()` has the verdict
   * `io-error`; undo, and `resume()`, and the guest's request is tried again.
   *
   * @param failure Which requests, how, how often; default all of them, with EIO.
   * @param options `disk`: the drive's id; default the only disk.
   * @throws {FaultError} When there is no such disk, or more than one and none is named, or it is made to fail already.
   */
  failDisk(failure?: DiskFailure, options?: VmCallOptions & { disk?: string }): Promise<Fault>;

  /**
   * Sends the guest a non-maskable interrupt (`inject-nmi`).
   *
   * What follows is the guest's affair: Linux counts it in `/proc/interrupts` and says "NMI received for unknown reason"; with
   * `unknown_nmi_panic` it panics. QEMU's reply is all that it says of it.
   *
   * @param options Signal and time limit.
   * @throws {FaultError} When the machine has no NMI.
   */
  injectNmi(options?: VmCallOptions): Promise<void>;

  /**
   * Presses the power button (`system_powerdown`).
   *
   * What follows: the event POWERDOWN, for which this waits. A guest that obeys ends with the verdict `guest-shutdown`; of one that does not,
   * nothing more is heard.
   *
   * @param options Signal and time limit.
   * @returns The event.
   */
  pressPowerButton(options?: VmCallOptions): Promise<QmpEvent<"POWERDOWN">>;

  /**
   * Makes the guest panic.
   *
   * What follows: the event GUEST_PANICKED, for which this waits; then, by the config's `actions.panic`, the verdict `guest-panic` and QEMU's end
   * (default), or the guest held at it (`pause`), or nothing (`none`).
   *
   * @param options `by`: how; default `run` where there is a channel for commands, else `pvpanic`.
   * @returns How, and the event.
   * @throws {FaultError} When QEMU tells of no panic.
   */
  panicGuest(options?: VmCallOptions & { by?: PanicWay }): Promise<GuestPanic>;

  /**
   * Has a Linux guest flood its console, faster than it is carried.
   *
   * What follows: no event. Nothing of it is lost: all of it is in the run directory's `console.log`, the end in the console's transcript.
   *
   * @param options How much, by whom.
   * @returns How much came in how long, when all of it has.
   * @throws {FaultError} When the guest has no console, or does not say so much.
   */
  fillConsole(options?: FloodOptions): Promise<Flood>;

  /**
   * Sets the guest's clock, by the real time that it had; undoing sets it back by as much.
   *
   * What follows: for `rtc`, and where an agent writes through to it, the event RTC_CHANGE (QEMU sends one a second at most). The verdicts and
   * events of QEMU keep the host's time.
   *
   * @param byMs By how much, in milliseconds; back where it is less than zero. Clocks are set to whole seconds.
   * @param options `by`: which clock, and how; default `run` where there is a channel for commands, else `agent` where the VM has one, else `rtc`.
   * @throws {RangeError} When it is no number, or less than a second.
   * @throws {FaultError} When the clock can't be set, or says something else afterwards.
   */
  jumpClock(byMs: number, options?: VmCallOptions & { by?: ClockWay }): Promise<Fault>;

  /**
   * Breaks a monitor's connection, from QEMU's side (`yank`). A monitor that is lost is not connected to again: a new client can be
   * (`QmpClient.connect`, on the monitor's socket in the run directory).
   *
   * What follows: the `QmpClient`'s `closed` resolves, for which this waits, and what was under way on it rejects with a `QmpInterruptedError`.
   * Without `watch` the VM's events come from `control`; without `control`, the VM's own calls reject with a `QmpClosedError`, and disposing ends QEMU by
   * SIGTERM. Without both, the VM is deaf to events, not to QEMU's end.
   *
   * @param id The monitor's id; default `watch`.
   * @param options Signal and time limit.
   * @throws {FaultError} When there is no such QMP monitor, or it is lost already, or there is no other to ask.
   */
  dropMonitor(id?: string, options?: VmCallOptions): Promise<void>;

  /** Undoes all that still last, the latest first. */
  [Symbol.asyncDispose](): Promise<void>;
}
