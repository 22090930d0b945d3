import type { Vm } from "../../vm/mod.ts";
import { type Clock, machineClock, type SetTimer } from "./clock.ts";
import { clockJump, type ClockReading, lostTime } from "./clock_jump.ts";
import { GuestProbes } from "./guest_probes.ts";
import type { WholeProbe } from "./probe.ts";
import { probingOf } from "./probing.ts";
import { questionsTo } from "./questions.ts";
import { firstRound, RHYTHM, type Rhythm } from "./rhythm.ts";
import type { LivenessListener, Watched, WatchedLife } from "./watched.ts";
import { type LivenessSubject, WatchedGuest, type WatchHost } from "./watched_guest.ts";

/** The least time between two ticks, in milliseconds: what falls due between them is done at once. */
const TICK_MS = 50;

/** What a watch is made with. */
export interface LivenessWatchOptions {
  /**
   * The time of day jumped by so many milliseconds: this machine was suspended, or somebody set its clock. Told once for each time, and
   * only while there is somebody to watch.
   */
  clockJumped?: (byMs: number) => void;
  /** Default: this machine's. */
  clock?: Clock;
  /** Default: a round every 10 s, and every second while something is wrong. */
  rhythm?: Rhythm;
}

/**
 * Watches over many guests with one timer. While all is well that is one command for each guest in 10 s, spread over them: a QEMU that answers it
 * is healthy, whatever else. Only one that does not is asked out of band as well, and its process looked at.
 */
export class LivenessWatch implements AsyncDisposable {
  readonly #options: LivenessWatchOptions;
  readonly #clock: Clock;
  readonly #rhythm: Rhythm;
  readonly #guests = new Set<WatchedGuest>();
  #timer: { dueMs: number; set: SetTimer } | null = null;
  /** What the clocks said last; null while nobody is watched. */
  #read: ClockReading | null = null;
  #tickedMs: number | null = null;
  /** Whether this process was put aside before the last tick. */
  #pace: "in time" | "late" = "in time";
  #added = 0;
  #state: "open" | "ticking" | "closed" = "open";

  /** @param options Who is told of the clock. */
  constructor(options: LivenessWatchOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? machineClock;
    this.#rhythm = options.rhythm ?? RHYTHM;
  }

  /**
   * Watches one life of a guest from now on.
   *
   * @param life Who.
   * @param listener Who is told.
   * @returns What it is like, and what can be done with it.
   */
  add(life: WatchedLife, listener: LivenessListener): Watched {
    const { vm, startTime = null, probes = [] } = life;
    return this.watch({
      name: vm.name,
      questions: questionsTo(vm, startTime),
      ended: vm.stopped.then(({ process }) => process === "running" ? "let-go" : "gone"),
      probes: probes.length === 0 ? null : (guest, host) => probesOf(vm, probes, guest, host, listener),
    }, listener);
  }

  /** As `add`, for whatever can be asked. */
  watch(subject: LivenessSubject, listener: LivenessListener): WatchedGuest {
    const host: WatchHost = {
      rhythm: this.#rhythm,
      now: () => this.#clock.read().monoMs,
      wake: (dueMs) => this.#armFor(dueMs, this.#clock.read().monoMs),
      forget: (guest) => {
        this.#guests.delete(guest);
        if (this.#guests.size === 0) this.#rest();
      },
    };
    this.#read ??= this.#clock.read();
    const firstMs = firstRound(this.#added++, host.now(), this.#rhythm);
    const guest = new WatchedGuest(subject, listener, host, firstMs);
    this.#guests.add(guest);
    if (this.#state === "closed") guest.end();
    else host.wake(guest.dueAfter(host.now()));
    return guest;
  }

  /** Watches nobody any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    await Promise.all([...this.#guests].map((guest) => guest[Symbol.asyncDispose]()));
  }

  /** There is nobody to watch. */
  #rest(): void {
    this.#timer?.set.cancel();
    this.#timer = null;
    this.#read = null;
  }

  /** Sets the timer; it is left alone when it goes off early enough. */
  #armFor(dueMs: number, nowMs: number): void {
    // A tick sets the timer at its end.
    if (this.#state !== "open" || this.#guests.size === 0) return;
    const atMs = Math.max(dueMs, (this.#tickedMs ?? -Infinity) + TICK_MS);
    if (this.#timer !== null) {
      if (this.#timer.dueMs <= atMs) return;
      this.#timer.set.cancel();
    }
    this.#timer = { dueMs: atMs, set: this.#clock.after(Math.max(0, atMs - nowMs), () => this.#tick()) };
  }

  #tick(): void {
    const dueMs = this.#timer?.dueMs ?? Infinity;
    this.#timer = null;
    const now = this.#clock.read();
    const nowMs = now.monoMs;
    const before = this.#read;
    this.#read = now;
    this.#tickedMs = nowMs;
    this.#state = "ticking";
    let nextMs = nowMs + TICK_MS;
    try {
      const jumpMs = before === null ? null : clockJump(before, now);
      if (jumpMs !== null) this.#options.clockJumped?.(jumpMs);
      const lostMs = lostTime(dueMs, nowMs);
      if (lostMs > 0) this.#lost(lostMs, nowMs);
      // What came meanwhile is heard first, but not again and again on a host that is always late.
      if (lostMs > 0 && this.#pace === "in time") this.#pace = "late";
      else {
        this.#pace = "in time";
        nextMs = this.#tickAll(nowMs);
      }
    } finally {
      if (this.#isTicking()) this.#state = "open";
      this.#armFor(nextMs, nowMs);
    }
  }

  #lost(ms: number, nowMs: number): void {
    for (const guest of this.#guests) guest.setBack(ms, nowMs);
  }

  /** Has each guest do what is due, and says when the next one is. */
  #tickAll(nowMs: number): number {
    for (const guest of this.#guests) guest.tick(nowMs);
    return this.#nextDue(nowMs);
  }

  #nextDue(nowMs: number): number {
    let dueMs = nowMs + this.#rhythm.roundMs;
    for (const guest of this.#guests) dueMs = Math.min(dueMs, guest.dueAfter(nowMs));
    return dueMs;
  }

  /** Somebody who was told of something may have closed the watch. */
  #isTicking(): boolean {
    return this.#state === "ticking";
  }
}

function probesOf(
  vm: Vm,
  probes: readonly WholeProbe[],
  guest: WatchedGuest,
  host: WatchHost,
  listener: LivenessListener,
): GuestProbes {
  const all = probes.map((probe) => ({ probe, probing: probingOf(vm, probe) }));
  return new GuestProbes(all, guest, host, listener);
}
