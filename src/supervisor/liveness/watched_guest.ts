import { abortable } from "@std/async/abortable";
import type { GuestProbes } from "./guest_probes.ts";
import { judgeLiveness, type Liveness, type Observation, type Ping, type ProcessState } from "./oracle.ts";
import { PatientWaits } from "./patient_waits.ts";
import type { Readiness } from "./probe.ts";
import type { Channel, Questions } from "./questions.ts";
import { nextRound, type Rhythm } from "./rhythm.ts";
import type { LivenessListener, PatientOptions, Watched } from "./watched.ts";

/** How a watch is known to the guests that it watches. */
export interface WatchHost {
  rhythm: Rhythm;
  /** The clock that is never set. */
  now(): number;
  /** The guest is due then, which may be earlier than was known. */
  wake(dueMs: number): void;
  /** The guest has nothing to do any more. */
  forget(guest: WatchedGuest): void;
}

/** One life of a guest, as far as a watch has to know it. */
export interface LivenessSubject {
  name: string;
  questions: Questions;
  /** Resolves when QEMU is gone, or nobody's business any more. Never rejects. */
  ended: Promise<"gone" | "let-go">;
  /** Makes its probes; null when it has none. */
  probes: ((guest: WatchedGuest, host: WatchHost) => GuestProbes) | null;
}

/** A question that is under way, was answered, or can't be asked. At most one of a kind is under way, however long it takes. */
type Question = { kind: "asked"; atMs: number } | { kind: "answered" } | { kind: "impossible" };

/** What comes of one guest: it asks when it is due, and tells its listener what follows from the answers. */
export class WatchedGuest implements Watched {
  readonly name: string;
  readonly #questions: Questions;
  readonly #listener: LivenessListener;
  readonly #host: WatchHost;
  readonly #probes: GuestProbes | null;
  readonly #waits: PatientWaits;
  readonly #stop = new AbortController();
  /** Its place in the round. */
  readonly #placeMs: number;
  #dueMs: number;
  #inBand: Question = { kind: "answered" };
  #outOfBand: Question = { kind: "answered" };
  /** When the first question was asked to which there was no answer since. */
  #unansweredSinceMs: number | null = null;
  #answers = 0;
  /** What the host said of the process since the last answer. */
  #process: ProcessState = "unknown";
  #look: Promise<void> | null = null;
  #liveness: Liveness = { kind: "healthy" };
  #runState: string | null = null;
  #checks: PromiseWithResolvers<Liveness>[] = [];
  #state: "watched" | "ended" = "watched";

  /**
   * @param subject Who is watched.
   * @param listener Who is told.
   * @param host The watch.
   * @param firstMs When its first round is.
   */
  constructor(subject: LivenessSubject, listener: LivenessListener, host: WatchHost, firstMs: number) {
    this.name = subject.name;
    this.#questions = subject.questions;
    this.#listener = listener;
    this.#host = host;
    this.#placeMs = firstMs;
    this.#dueMs = firstMs;
    this.#waits = new PatientWaits(subject.name);
    this.#probes = subject.probes?.(this, host) ?? null;
    subject.ended.then((how) => how === "gone" ? this.#tell({ kind: "gone" }) : this.end());
  }

  get liveness(): Liveness {
    return this.#liveness;
  }

  get runState(): string | null {
    return this.#runState;
  }

  get readiness(): Readiness {
    return this.#probes?.readiness ?? "ready";
  }

  /** When it is to be looked at next, by the clock that is never set. */
  dueAfter(nowMs: number): number {
    return Math.min(this.#dueMs, this.#waits.dueAfter(nowMs), this.#probes?.dueMs ?? Infinity);
  }

  async check(options: { signal?: AbortSignal } = {}): Promise<Liveness> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#state === "ended") return this.#liveness;
    const check = Promise.withResolvers<Liveness>();
    this.#checks.push(check);
    this.#lookNow();
    return await (signal ? abortable(check.promise, signal) : check.promise);
  }

  async patiently<T>(action: (signal: AbortSignal) => Promise<T>, options: PatientOptions): Promise<T> {
    const running = this.#waits.run(action, options, this.#host.now());
    if (this.#state === "ended") this.#waits.end(this.#liveness, this.#host.now());
    // So that the time begins with an answer that is known, or known to be missing.
    else this.#lookNow();
    return await running;
  }

  begunAnew(atMs: number): void {
    this.#probes?.beginAnew(atMs);
  }

  /** Looks at what is due. */
  tick(nowMs: number): void {
    if (this.#state === "ended") return;
    this.#waits.capped(this.#liveness, nowMs);
    // Whether a deadline is over the next answer tells, or that there is none.
    const maybeOver = this.#inBand.kind !== "asked" && this.#waits.dueAfter(-Infinity) <= nowMs;
    if (this.#dueMs <= nowMs || maybeOver) this.#ask(nowMs);
    this.#probes?.tick(nowMs);
  }

  /** So much time was nobody's: this process did not run. */
  setBack(ms: number, nowMs: number): void {
    for (const question of [this.#inBand, this.#outOfBand]) {
      if (question.kind === "asked") question.atMs = Math.min(nowMs, question.atMs + ms);
    }
    if (this.#unansweredSinceMs !== null) {
      this.#unansweredSinceMs = Math.min(nowMs, this.#unansweredSinceMs + ms);
    }
    this.#waits.setBack(ms, nowMs);
  }

  /** It is not watched any more; nothing is told. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#stop.abort();
    this.#waits.end(this.#liveness, this.#host.now());
    this.#settleChecks();
    this.#probes?.stop();
    this.#host.forget(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#probes?.[Symbol.asyncDispose]();
    await this.#look;
  }

  #lookNow(): void {
    const nowMs = this.#host.now();
    this.#ask(nowMs);
    this.#host.wake(this.dueAfter(nowMs));
  }

  /** One step: the next question that is not asked yet. */
  #ask(nowMs: number): void {
    const { inBandMs, closeMs } = this.#host.rhythm;
    const channel = this.#questions.channel();
    if (this.#inBand.kind !== "asked") {
      this.#askInBand(channel, nowMs);
      if (channel !== null) {
        this.#dueMs = nowMs + inBandMs;
        return;
      }
    } else if (nowMs < this.#inBand.atMs + inBandMs) {
      this.#dueMs = this.#inBand.atMs + inBandMs;
      return;
    }
    this.#askOutOfBand(channel, nowMs);
    // The kernel itself may keep a look waiting; then the answers alone have to do.
    if (this.#look !== null) this.#judge();
    else this.#look = this.#lookOnce();
    this.#dueMs = nowMs + closeMs;
  }

  #askInBand(channel: Channel | null, nowMs: number): void {
    this.#unansweredSinceMs ??= nowMs;
    if (channel === null) {
      this.#inBand = { kind: "impossible" };
      return;
    }
    this.#inBand = { kind: "asked", atMs: nowMs };
    channel.askInBand(this.#stop.signal).then(
      (runState) => this.#answered(runState),
      () => this.#inBand = { kind: "impossible" },
    );
  }

  #askOutOfBand(channel: Channel | null, nowMs: number): void {
    if (this.#outOfBand.kind === "asked") return;
    if (channel === null || channel.askOutOfBand === null) {
      this.#outOfBand = { kind: "impossible" };
      return;
    }
    this.#outOfBand = { kind: "asked", atMs: nowMs };
    channel.askOutOfBand(this.#stop.signal).then(
      () => {
        this.#outOfBand = { kind: "answered" };
        // The process is being looked at as well: both are told at once.
        if (this.#look === null) this.#judge();
      },
      () => this.#outOfBand = { kind: "impossible" },
    );
  }

  async #lookOnce(): Promise<void> {
    const answers = this.#answers;
    let found: ProcessState;
    try {
      found = await this.#questions.look();
    } catch {
      found = "unknown";
    }
    this.#look = null;
    // An answer that came meanwhile is newer.
    if (this.#state === "ended" || this.#answers !== answers) return;
    this.#process = found;
    this.#judge();
    // Nothing more will come of it.
    if (this.#inBand.kind === "impossible") this.#settleChecks();
  }

  #answered(runState: string | null): void {
    if (this.#state === "ended") return;
    const nowMs = this.#host.now();
    this.#runState = runState;
    this.#inBand = { kind: "answered" };
    this.#unansweredSinceMs = null;
    this.#answers++;
    this.#process = "unknown";
    this.#judge();
    const { closeMs } = this.#host.rhythm;
    this.#dueMs = this.#waits.waiting ? nowMs + closeMs : nextRound(this.#placeMs, nowMs, this.#host.rhythm);
    this.#host.wake(this.#dueMs);
  }

  #judge(): void {
    if (this.#state === "ended") return;
    const nowMs = this.#host.now();
    const found = judgeLiveness(this.#observation(nowMs), this.#host.rhythm, this.#liveness);
    if (found !== null) this.#tell(found);
  }

  #observation(nowMs: number): Observation {
    return {
      inBand: ping(this.#inBand, nowMs),
      outOfBand: ping(this.#outOfBand, nowMs),
      process: this.#process,
      unansweredMs: this.#unansweredSinceMs === null ? 0 : Math.floor(nowMs - this.#unansweredSinceMs),
    };
  }

  #tell(found: Liveness): void {
    if (this.#state === "ended") return;
    const before = this.#liveness;
    this.#liveness = found;
    this.#waits.looked(before, found, this.#host.now());
    this.#settleChecks();
    if (found.kind !== before.kind) this.#listener.changed(found);
    else if (found.kind !== "healthy") this.#listener.lasting?.(found);
    if (found.kind === "gone") this.end();
  }

  #settleChecks(): void {
    const checks = this.#checks;
    this.#checks = [];
    for (const { resolve } of checks) resolve(this.#liveness);
  }
}

function ping(question: Question, nowMs: number): Ping {
  return question.kind === "asked" ? { kind: "waiting", forMs: nowMs - question.atMs } : question;
}
