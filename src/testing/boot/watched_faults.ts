import type { QmpEvent } from "../../qmp/mod.ts";
import type { Verdict, VerdictCause, VmCallOptions } from "../../vm/mod.ts";
import type { ClockWay } from "../faults/clock_jump.ts";
import type { Flood, FloodOptions } from "../faults/console_flood.ts";
import type { DiskFailure } from "../faults/disk_faults.ts";
import type { DiskLimits } from "../faults/disk_limits.ts";
import type { Fault } from "../faults/fault.ts";
import type { Faults } from "../faults/faults.ts";
import type { GuestPanic, PanicWay } from "../faults/guest_faults.ts";
import type { GuestWatch } from "./guest_watch.ts";
import type { WaitGuard } from "./wait_guard.ts";

/** Lets an action bring about ends without their words on the console being a failure. */
export type WithoutAlarm = <T>(causes: readonly VerdictCause[], action: () => Promise<T>) => Promise<T>;

/** What each signal makes of QEMU, as the verdict has it. */
const KILLED: readonly VerdictCause[] = ["killed", "host-signal", "crashed", "lost"];

/** The faults of a VM that belongs to a test: what comes of one is wanted. */
export class WatchedFaults implements Faults {
  readonly #faults: Faults;
  readonly #watch: GuestWatch;
  readonly #guard: WaitGuard;
  readonly #withoutAlarm: WithoutAlarm;

  /**
   * @param faults The VM's faults.
   * @param watch Told which ends are wanted.
   * @param guard Goes with each call.
   * @param withoutAlarm Keeps the console from raising the alarm meanwhile.
   */
  constructor(faults: Faults, watch: GuestWatch, guard: WaitGuard, withoutAlarm: WithoutAlarm) {
    this.#faults = faults;
    this.#watch = watch;
    this.#guard = guard;
    this.#withoutAlarm = withoutAlarm;
  }

  killQemu(options: VmCallOptions & { with?: Deno.Signal } = {}): Promise<Verdict> {
    return this.#ending(KILLED, options, (passed) => this.#faults.killQemu(passed));
  }

  freeze(options: VmCallOptions = {}): Promise<Fault> {
    return this.#call(options, (passed) => this.#faults.freeze(passed));
  }

  blockMainLoop(options: VmCallOptions & { forMs?: number } = {}): Promise<Fault> {
    return this.#call(options, (passed) => this.#faults.blockMainLoop(passed));
  }

  cutLink(network?: string, options: VmCallOptions = {}): Promise<Fault> {
    return this.#call(options, (passed) => this.#faults.cutLink(network, passed));
  }

  throttleDisk(limits: DiskLimits, options: VmCallOptions & { disk?: string } = {}): Promise<Fault> {
    return this.#call(options, (passed) => this.#faults.throttleDisk(limits, passed));
  }

  async failDisk(failure?: DiskFailure, options: VmCallOptions & { disk?: string } = {}): Promise<Fault> {
    const wanted = this.#watch.ask(["io-error"], "always");
    try {
      const fault = await this.#call(options, (passed) => this.#faults.failDisk(failure, passed));
      fault.over.then(() => wanted[Symbol.dispose]());
      return fault;
    } catch (error) {
      wanted[Symbol.dispose]();
      throw error;
    }
  }

  injectNmi(options: VmCallOptions = {}): Promise<void> {
    return this.#call(options, (passed) => this.#faults.injectNmi(passed));
  }

  pressPowerButton(options: VmCallOptions = {}): Promise<QmpEvent<"POWERDOWN">> {
    return this.#ending(["guest-shutdown"], options, (passed) => this.#faults.pressPowerButton(passed));
  }

  panicGuest(options: VmCallOptions & { by?: PanicWay } = {}): Promise<GuestPanic> {
    return this.#ending(["guest-panic"], options, (passed) => this.#faults.panicGuest(passed));
  }

  fillConsole(options: FloodOptions = {}): Promise<Flood> {
    return this.#call(options, (passed) => this.#faults.fillConsole(passed));
  }

  jumpClock(byMs: number, options: VmCallOptions & { by?: ClockWay } = {}): Promise<Fault> {
    return this.#call(options, (passed) => this.#faults.jumpClock(byMs, passed));
  }

  dropMonitor(id?: string, options: VmCallOptions = {}): Promise<void> {
    return this.#call(options, (passed) => this.#faults.dropMonitor(id, passed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#faults[Symbol.asyncDispose]();
  }

  async #call<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return await this.#guard.run(options.signal, (signal) => act({ ...options, signal }));
  }

  /** One that is followed by an end, now or in a moment. */
  async #ending<T, O extends { signal?: AbortSignal }>(
    causes: readonly VerdictCause[],
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const wanted = this.#watch.ask(causes, "once");
    try {
      return await this.#withoutAlarm(causes, () => this.#call(options, act));
    } catch (error) {
      wanted[Symbol.dispose]();
      throw error;
    }
  }
}
