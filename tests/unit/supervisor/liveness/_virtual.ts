import { assert } from "@std/assert";
import type { Clock, SetTimer } from "../../../../src/supervisor/liveness/clock.ts";
import type { ClockReading } from "../../../../src/supervisor/liveness/clock_jump.ts";
import type { Liveness, ProcessState } from "../../../../src/supervisor/liveness/oracle.ts";
import type { Channel, Questions } from "../../../../src/supervisor/liveness/questions.ts";
import type { LivenessListener } from "../../../../src/supervisor/liveness/watched.ts";
import type { LivenessSubject } from "../../../../src/supervisor/liveness/watched_guest.ts";

/** How often promises are given a turn, so that all that follows from something has followed. */
const TURNS = 20;

/** Lets everything happen that only waits for a promise. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
}

/** Time that passes when it is told to. */
export class VirtualClock implements Clock {
  monoMs = 1_000;
  wallMs = 1_700_000_000_000;
  /** How many timers went off. */
  wentOff = 0;
  readonly #timers = new Set<{ atMs: number; due: () => void }>();

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  read(): ClockReading {
    return { monoMs: this.monoMs, wallMs: this.wallMs };
  }

  after(ms: number, due: () => void): SetTimer {
    const timer = { atMs: this.monoMs + ms, due };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Time passes, and each timer goes off when it is due. */
  async pass(ms: number): Promise<void> {
    const endMs = this.monoMs + ms;
    for (;;) {
      await settle();
      const first = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (first === undefined || first.atMs > endMs) break;
      this.#timers.delete(first);
      this.#goTo(Math.max(first.atMs, this.monoMs));
      this.wentOff++;
      first.due();
    }
    this.#goTo(endMs);
  }

  /** Time passes in which this process does not run: it hears nothing, and its timers are late. */
  stall(ms: number): void {
    this.#goTo(this.monoMs + ms);
  }

  /** The machine is suspended, or its clock is set: only the time of day goes on. */
  jump(ms: number): void {
    this.wallMs += ms;
  }

  #goTo(monoMs: number): void {
    this.wallMs += monoMs - this.monoMs;
    this.monoMs = monoMs;
  }
}

/** What a QEMU of these tests is like: `blocked` in its main loop, `stopped` by a signal, `silent` for no reason that the host knows. */
export type Condition = "well" | "blocked" | "stopped" | "silent" | "disconnected";

/** A QEMU that is only what a watch sees of it. */
export class FakeQemu implements Questions {
  runState = "running";
  /** Whether the host may be asked about its process. */
  proc: "permitted" | "not-permitted" = "permitted";
  oob: "offered" | "none" = "offered";
  /** How often it was asked in band, out of band, and looked at. */
  readonly asked = { inBand: 0, outOfBand: 0, looks: 0 };
  readonly ended: PromiseWithResolvers<"gone" | "let-go"> = Promise.withResolvers();
  #condition: Condition = "well";
  readonly #inBand: PromiseWithResolvers<string | null>[] = [];
  readonly #outOfBand: PromiseWithResolvers<void>[] = [];

  get condition(): Condition {
    return this.#condition;
  }

  /** How many questions are without an answer. */
  get open(): number {
    return this.#inBand.length + this.#outOfBand.length;
  }

  become(condition: Condition): void {
    this.#condition = condition;
    this.#answer();
  }

  subject(probes: LivenessSubject["probes"] = null): LivenessSubject {
    return { name: "web", questions: this, ended: this.ended.promise, probes };
  }

  channel(): Channel | null {
    if (this.#condition === "disconnected") return null;
    return {
      askInBand: (signal) => {
        this.asked.inBand++;
        return this.#ask(this.#inBand, signal);
      },
      askOutOfBand: this.oob === "none" ? null : (signal) => {
        this.asked.outOfBand++;
        return this.#ask(this.#outOfBand, signal);
      },
    };
  }

  look(): Promise<ProcessState> {
    this.asked.looks++;
    if (this.proc === "not-permitted") return Promise.resolve("unknown");
    return Promise.resolve(this.#condition === "stopped" ? "stopped" : "runs");
  }

  #ask<T>(questions: PromiseWithResolvers<T>[], signal: AbortSignal): Promise<T> {
    const question = Promise.withResolvers<T>();
    questions.push(question);
    assert(questions.length === 1, "QEMU is asked again though it has not answered");
    signal.addEventListener("abort", () => {
      const at = questions.indexOf(question);
      if (at >= 0) questions.splice(at, 1);
      question.reject(signal.reason);
    });
    this.#answer();
    return question.promise;
  }

  #answer(): void {
    const condition = this.#condition;
    if (condition === "well") { for (const { resolve } of this.#inBand.splice(0)) resolve(this.runState); }
    if (condition === "well" || condition === "blocked") {
      for (const { resolve } of this.#outOfBand.splice(0)) resolve();
    }
    if (condition === "disconnected") {
      for (const { reject } of [...this.#inBand.splice(0), ...this.#outOfBand.splice(0)]) {
        reject(new Error("The connection is lost"));
      }
    }
  }
}

/** Everything that a watch told. */
export class Told implements LivenessListener {
  readonly words: Liveness[] = [];
  readonly lasted: Liveness[] = [];
  readonly readinesses: string[] = [];
  readonly probes: string[] = [];

  changed(liveness: Liveness): void {
    this.words.push(liveness);
  }

  lasting(liveness: Liveness): void {
    this.lasted.push(liveness);
  }

  readied(readiness: string): void {
    this.readinesses.push(readiness);
  }

  probed({ index, result }: Parameters<NonNullable<LivenessListener["probed"]>>[0]): void {
    this.probes.push(`${index} ${result.kind}${result.kind === "failing" ? `: ${result.why}` : ""}`);
  }

  /** The words by themselves. */
  get kinds(): string[] {
    return this.words.map(({ kind }) => kind);
  }
}
