import { MAX_TIMER_MS } from "../../qmp/alarm.ts";
import { QmpCommandError, type QmpEvent } from "../../qmp/mod.ts";
import type { Verdict, Vm, VmCallOptions } from "../../vm/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { type ClockWay, jumpClock } from "./clock_jump.ts";
import { fillConsole, type Flood, floodLimitMs, type FloodOptions } from "./console_flood.ts";
import { findDisk } from "./disk.ts";
import { type DiskFailure, failDisk, throttleDisk } from "./disk_faults.ts";
import { type DiskLimits, toThrottle } from "./disk_limits.ts";
import { Fault, FaultError, type FaultKind, type FaultReport, type Undo } from "./fault.ts";
import type { Faults, FaultsOptions } from "./faults.ts";
import { type GuestPanic, panicGuest, type PanicWay, pressPowerButton } from "./guest_faults.ts";
import { blockMainLoop } from "./main_loop.ts";
import { dropMonitor } from "./monitor_faults.ts";
import { cutLink, onlyNetwork } from "./network_faults.ts";
import { freeze, killQemu } from "./process_faults.ts";
import { type FaultScene, type GuestShell, later, Obstacle } from "./scene.ts";

/** How long QEMU, or the guest, may take to do what it is told, unless the caller says otherwise. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** How long QEMU may take to be gone once its monitor is, in milliseconds. */
const GONE_MS = 2_000;
/** The least that a clock can be set by, in milliseconds. */
const LEAST_JUMP_MS = 1_000;

/**
 * Makes what can be done to a VM on purpose.
 *
 * @param vm The VM.
 * @param options A channel for commands into the guest, and who is told.
 * @returns The faults; dispose of it before the VM.
 *
 * @example A frozen QEMU answers nobody, and goes on where it was
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { QmpTimeoutError } from "@qeeper/qeeper/qmp";
 * import { createFaults } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * await using faults = createFaults(vm);
 * {
 *   await using _frozen = await faults.freeze();
 *   await assertRejects(() => vm.status({ timeoutMs: 50 }), QmpTimeoutError);
 * }
 * assertEquals((await vm.status()).status, "running");
 * ```
 */
export function createFaults(vm: Vm, options: FaultsOptions = {}): Faults {
  return new VmFaults(vm, options);
}

/** What was asked for, for the error and the report. */
interface Attempt {
  readonly kind: FaultKind;
  target: string;
}

class VmFaults implements Faults {
  readonly #vm: Vm;
  readonly #run: GuestShell | null;
  readonly #onFault: ((report: FaultReport) => void) | undefined;
  /** Those that last, in the order in which they began. */
  readonly #lasting = new Set<Fault>();
  /** The disks that are made to fail. */
  readonly #failing = new Set<string>();
  #life: "running" | "ended" = "running";

  constructor(vm: Vm, { run, onFault }: FaultsOptions) {
    this.#vm = vm;
    this.#run = run ?? null;
    this.#onFault = onFault;
    vm.stopped.then(() => this.#life = "ended");
  }

  killQemu(options: VmCallOptions & { with?: Deno.Signal } = {}): Promise<Verdict> {
    const { with: signal = "SIGKILL" } = options;
    return this.#once({ kind: "kill", target: "QEMU" }, options, (scene) => killQemu(scene, signal));
  }

  freeze(options: VmCallOptions = {}): Promise<Fault> {
    return this.#begin(
      { kind: "freeze", target: "QEMU" },
      options,
      async (scene) => ({ undo: await freeze(scene) }),
    );
  }

  async blockMainLoop(options: VmCallOptions & { forMs?: number } = {}): Promise<Fault> {
    const { forMs } = options;
    if (forMs !== undefined && !(forMs >= 0 && forMs <= MAX_TIMER_MS)) {
      throw new RangeError(
        `Cannot block a main loop as 'forMs' must be from 0 to 2^31 - 1: current value is ${forMs}`,
      );
    }
    const fault = await this.#begin(
      { kind: "block-main-loop", target: "the main loop" },
      options,
      blockMainLoop,
    );
    if (forMs !== undefined) {
      const timer = setTimeout(() => fault.undo().catch(() => {}), forMs);
      fault.over.then(() => clearTimeout(timer));
    }
    return fault;
  }

  cutLink(network?: string, options: VmCallOptions = {}): Promise<Fault> {
    const attempt = {
      kind: "cut-link",
      target: network === undefined ? "the network" : `network ${network}`,
    } as const;
    return this.#begin(attempt, options, async (scene, found) => {
      const id = network ?? await onlyNetwork(scene);
      found.target = `network ${id}`;
      return { undo: await cutLink(scene, id) };
    });
  }

  // Async, so that a wrong limit is a rejection.
  async throttleDisk(limits: DiskLimits, options: VmCallOptions & { disk?: string } = {}): Promise<Fault> {
    const throttle = toThrottle(limits);
    return await this.#begin(diskAttempt("throttle-disk", options.disk), options, async (scene, found) => {
      const disk = await findDisk(scene, options.disk);
      found.target = `disk ${disk.id}`;
      return { undo: await throttleDisk(scene, disk, throttle) };
    });
  }

  failDisk(failure: DiskFailure = {}, options: VmCallOptions & { disk?: string } = {}): Promise<Fault> {
    return this.#begin(diskAttempt("fail-disk", options.disk), options, async (scene, found) => {
      const disk = await findDisk(scene, options.disk);
      found.target = `disk ${disk.id}`;
      if (this.#failing.has(disk.id)) throw new Obstacle("it is made to fail already; undo that first");
      this.#failing.add(disk.id);
      try {
        const remove = await failDisk(scene, disk, failure);
        return { undo: () => remove().finally(() => this.#failing.delete(disk.id)) };
      } catch (error) {
        this.#failing.delete(disk.id);
        throw error;
      }
    });
  }

  async injectNmi(options: VmCallOptions = {}): Promise<void> {
    await this.#once({ kind: "nmi", target: "the guest" }, options, async ({ vm, call }) => {
      await vm.qmp.execute("inject-nmi", {}, call);
    });
  }

  pressPowerButton(options: VmCallOptions = {}): Promise<QmpEvent<"POWERDOWN">> {
    return this.#once({ kind: "power-button", target: "the power button" }, options, pressPowerButton);
  }

  panicGuest(options: VmCallOptions & { by?: PanicWay } = {}): Promise<GuestPanic> {
    const { by = this.#run === null ? "pvpanic" : "run" } = options;
    return this.#once({ kind: "panic", target: "the guest" }, options, (scene) => panicGuest(scene, by));
  }

  fillConsole(options: FloodOptions = {}): Promise<Flood> {
    const { bytes = 256 * 1024, device = "/dev/ttyS0", by = this.#run === null ? "console" : "run" } =
      options;
    const call = { timeoutMs: floodLimitMs(bytes), ...options };
    return this.#once(
      { kind: "fill-console", target: "the console" },
      call,
      (scene) => fillConsole(scene, { bytes, by, device }),
    );
  }

  async jumpClock(byMs: number, options: VmCallOptions & { by?: ClockWay } = {}): Promise<Fault> {
    if (!(Math.abs(byMs) >= LEAST_JUMP_MS && Math.abs(byMs) < Infinity)) {
      throw new RangeError(
        `Cannot set a clock as 'byMs' must be at least ${LEAST_JUMP_MS}: current value is ${byMs}`,
      );
    }
    const { by = this.#run !== null ? "run" : this.#vm.agent !== null ? "agent" : "rtc" } = options;
    return await this.#begin({ kind: "jump-clock", target: "the clock" }, options, async (scene) => {
      await jumpClock(scene, byMs, by);
      return { undo: () => jumpClock(later(scene), -byMs, by), by };
    });
  }

  dropMonitor(id: string = "watch", options: VmCallOptions = {}): Promise<void> {
    return this.#once(
      { kind: "drop-monitor", target: `monitor ${id}` },
      options,
      (scene) => dropMonitor(scene, id),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (const fault of [...this.#lasting].reverse()) {
      await fault.undo().catch((error) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Brings about what does not last. */
  async #once<T>(
    attempt: Attempt,
    options: VmCallOptions,
    act: (scene: FaultScene, attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    signal?.throwIfAborted();
    const call = signal ? { signal, timeoutMs } : { timeoutMs };
    const scene = { vm: this.#vm, run: this.#run, ended: () => this.#life === "ended", call };
    try {
      const result = await act(scene, attempt);
      this.#report(attempt, "begun");
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#error(attempt, error, {});
    }
  }

  /** Brings about what lasts. */
  #begin(
    attempt: Attempt,
    options: VmCallOptions,
    act: (scene: FaultScene, attempt: Attempt) => Promise<{ undo: Undo; over?: Promise<void>; by?: string }>,
  ): Promise<Fault> {
    return this.#once(attempt, options, async (scene) => {
      const { undo, over, by } = await act(scene, attempt);
      const fault = new Fault(attempt.kind, attempt.target, () => this.#undo(attempt, undo), by);
      this.#lasting.add(fault);
      // One that has come to its own end has nothing to undo: QEMU can only have gone.
      const end = over === undefined ? this.#vm.stopped : over;
      end.then(() => fault.undo().catch(() => {}));
      fault.over.then(() => {
        this.#lasting.delete(fault);
        this.#report(attempt, "over");
      });
      return fault;
    });
  }

  async #undo(attempt: Attempt, undo: Undo): Promise<void> {
    if (this.#life === "ended" && attempt.kind !== "block-main-loop") return;
    try {
      await undo();
    } catch (error) {
      // QEMU may be ending just now: then the monitors are the first to go.
      if (!this.#vm.qmp.open && await inTime(this.#vm.stopped, GONE_MS)) return;
      throw this.#error(attempt, error, { undoing: true });
    }
  }

  #report({ kind, target }: Attempt, phase: FaultReport["phase"]): void {
    this.#onFault?.({ at: new Date(), kind, target, phase });
  }

  #error({ kind, target }: Attempt, error: unknown, options: { undoing?: boolean }): FaultError {
    const cause = error instanceof Obstacle ? error.cause : error;
    const more = cause === undefined ? options : { ...options, cause };
    return new FaultError(kind, target, this.#vm.name, inWords(error), more);
  }
}

function diskAttempt(kind: FaultKind, id: string | undefined): Attempt {
  return { kind, target: id === undefined ? "the disk" : `disk ${id}` };
}

function inWords(error: unknown): string {
  if (error instanceof QmpCommandError) return `QEMU said: ${error.desc}`;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return "its effect was not to be seen in time";
  }
  return error instanceof Error ? error.message : String(error);
}
