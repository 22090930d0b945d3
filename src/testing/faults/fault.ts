/**
 * What can be done to a VM: its QEMU killed, stopped, or held up; a network or a disk taken away; the guest alarmed, panicked, made to talk or set
 * to another time; a monitor's connection cut.
 *
 * @example
 * ```ts
 * import type { FaultKind } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const lasting: FaultKind[] = ["freeze", "block-main-loop", "cut-link", "throttle-disk", "fail-disk", "jump-clock"];
 * assertEquals(lasting.length, 6);
 * ```
 */
export type FaultKind =
  | "kill"
  | "freeze"
  | "block-main-loop"
  | "cut-link"
  | "throttle-disk"
  | "fail-disk"
  | "nmi"
  | "power-button"
  | "panic"
  | "fill-console"
  | "jump-clock"
  | "drop-monitor";

/** What each fault is called in a message, before what it is done to. */
const ATTEMPTS: Readonly<Record<FaultKind, string>> = {
  "kill": "end",
  "freeze": "stop",
  "block-main-loop": "block",
  "cut-link": "cut",
  "throttle-disk": "throttle",
  "fail-disk": "make fail",
  "nmi": "interrupt",
  "power-button": "press",
  "panic": "panic",
  "fill-console": "fill",
  "jump-clock": "set",
  "drop-monitor": "drop",
};

/**
 * A fault could not be brought about, or not be undone. `cause` has what QEMU or the system said, where it was they.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, FaultError } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ name: "web", machine: "none", accel: "tcg" });
 * await using faults = createFaults(vm);
 * const error = await assertRejects(() => faults.cutLink("net7"), FaultError);
 * assertEquals([error.kind, error.target], ["cut-link", "network net7"]);
 * assertEquals(error.message, `Cannot cut network net7 of VM "web": QEMU said: Device 'net7' not found`);
 * ```
 */
export class FaultError extends Error {
  override readonly name = "FaultError";
  /** What was attempted. */
  readonly kind: FaultKind;
  /** On what: `disk disk0`. */
  readonly target: string;

  /**
   * @param kind What was attempted.
   * @param target On what.
   * @param vm The VM's name.
   * @param found What was found, and what to do about it.
   * @param options `cause`, if there is one; `undoing`: it was the fault's end that failed.
   */
  constructor(
    kind: FaultKind,
    target: string,
    vm: string,
    found: string,
    options: ErrorOptions & { undoing?: boolean } = {},
  ) {
    const { undoing, ...rest } = options;
    const attempt = `${ATTEMPTS[kind]} ${target}`;
    super(`Cannot ${undoing ? `undo (${attempt})` : attempt} of VM "${vm}": ${found}`, rest);
    this.kind = kind;
    this.target = target;
  }
}

/**
 * A fault as it begins or ends, for whoever keeps a record of what was done to a VM.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type FaultReport } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const reports: FaultReport[] = [];
 * await using vm = await launch({ accel: "tcg", networks: [{ type: "user" }] }, { paused: true });
 * await using faults = createFaults(vm, { onFault: (report) => reports.push(report) });
 * await (await faults.cutLink()).undo();
 * assertEquals(reports.map(({ kind, target, phase }) => [kind, target, phase]), [
 *   ["cut-link", "network net0", "begun"],
 *   ["cut-link", "network net0", "over"],
 * ]);
 * ```
 */
export interface FaultReport {
  /** When its effect was seen, or when it was over. */
  at: Date;
  /** What was done. */
  kind: FaultKind;
  /** To what: `disk disk0`, `QEMU`. */
  target: string;
  /** `begun` when its effect was seen; `over` when one that lasts was undone or came to its own end. */
  phase: "begun" | "over";
}

/** How a fault is undone; called once. */
export type Undo = () => Promise<void>;

/**
 * A fault that lasts until it is undone, or until its time is up. Dispose of it (`await using`) to undo it; where QEMU has ended meanwhile there is
 * nothing left to undo, and that is no error.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type Fault } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", networks: [{ type: "user" }] }, { paused: true });
 * await using faults = createFaults(vm);
 * const fault: Fault = await faults.cutLink();
 * assertEquals([fault.kind, fault.target, fault.active], ["cut-link", "network net0", true]);
 * await fault.undo();
 * assertEquals(fault.active, false);
 * ```
 */
export class Fault implements AsyncDisposable {
  /** What was done. */
  readonly kind: FaultKind;
  /** To what: `disk disk0`. */
  readonly target: string;
  /** How, where there are several ways: `agent`, `run`, `rtc`; else empty. */
  readonly by: string;
  /** Resolves when it is over: undone, or its time up, or QEMU gone. Never rejects. */
  readonly over: Promise<void>;
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #undo: Undo;
  #undoing: Promise<void> | null = null;
  #active = true;

  /**
   * Made by `createFaults()`.
   *
   * @param kind What was done.
   * @param target To what.
   * @param undo Undoes it.
   * @param by How.
   */
  constructor(kind: FaultKind, target: string, undo: Undo, by: string = "") {
    this.kind = kind;
    this.target = target;
    this.by = by;
    this.over = this.#over.promise;
    this.#undo = undo;
  }

  /** Whether it still lasts. */
  get active(): boolean {
    return this.#active;
  }

  /**
   * Undoes it, and waits until that is seen. Further calls wait for the first one.
   *
   * @throws {FaultError} When QEMU is there and does not let it be undone.
   */
  undo(): Promise<void> {
    this.#undoing ??= this.#undo().finally(() => {
      this.#active = false;
      this.#over.resolve();
    });
    return this.#undoing;
  }

  /** Undoes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.undo();
  }
}
