import type { Liveness } from "./oracle.ts";
import type { ProbeChange, Readiness, WholeProbe } from "./probe.ts";
import {
  type Gate,
  newProbeState,
  noteProbe,
  passGrace,
  probeGate,
  type ProbeOutcome,
  type ProbeState,
  readinessOf,
} from "./probe_state.ts";
import type { Probing } from "./probing.ts";

/** How far apart readiness probes are until they pass, in milliseconds. */
const UNTIL_READY_MS = 1_000;

/** What probes have to know of their guest. */
export interface ProbedGuest {
  readonly runState: string | null;
  check(options: { signal: AbortSignal }): Promise<Liveness>;
}

/** Who is told what the probes say. */
export interface ProbeListener {
  probed?(change: ProbeChange): void;
  readied?(readiness: Readiness): void;
}

/** How the probes of a guest are tied to its watch. */
export interface ProbeHost {
  /** The clock that is never set. */
  now(): number;
  /** One is due then, which may be earlier than was known. */
  wake(dueMs: number): void;
}

/** One probe, and where it stands. */
interface Station {
  readonly index: number;
  readonly probe: WholeProbe;
  readonly probing: Probing;
  state: ProbeState;
  dueMs: number;
  /** Null while none is under way. */
  run: Promise<void> | null;
  /** Up to when its time of grace was counted, and whether the guest could do anything then. */
  counted: { atMs: number; gate: Gate };
}

/** The probes of one guest. Each is asked when it is due and the guest can be expected to pass it. */
export class GuestProbes implements AsyncDisposable {
  readonly #guest: ProbedGuest;
  readonly #host: ProbeHost;
  readonly #listener: ProbeListener;
  readonly #stations: readonly Station[];
  readonly #stop = new AbortController();
  /** Which life of the guest it is: what was asked in an earlier one does not count. */
  #life = 0;
  #readiness: Readiness;

  /**
   * @param probes What is asked, and how.
   * @param guest The guest.
   * @param host The watch.
   * @param listener Who is told.
   */
  constructor(
    probes: readonly { probe: WholeProbe; probing: Probing }[],
    guest: ProbedGuest,
    host: ProbeHost,
    listener: ProbeListener,
  ) {
    this.#guest = guest;
    this.#host = host;
    this.#listener = listener;
    const nowMs = host.now();
    this.#stations = probes.map(({ probe, probing }, index) => ({
      index,
      probe,
      probing,
      state: newProbeState(probe),
      dueMs: nowMs,
      run: null,
      counted: { atMs: nowMs, gate: "shut" },
    }));
    this.#readiness = this.#judgeReadiness();
  }

  get readiness(): Readiness {
    return this.#readiness;
  }

  /** When the next one is to be asked; Infinity while all are. */
  get dueMs(): number {
    return this.#stations.reduce(
      (least, { run, dueMs }) => run === null ? Math.min(least, dueMs) : least,
      Infinity,
    );
  }

  /** Asks those that are due. */
  tick(nowMs: number): void {
    for (const station of this.#stations) {
      if (station.run === null && station.dueMs <= nowMs) station.run = this.#run(station);
    }
  }

  /** The guest began anew, at this moment of the wall clock in milliseconds, and nothing is known of it. */
  beginAnew(atMs: number): void {
    this.#life++;
    const nowMs = this.#host.now();
    for (const station of this.#stations) {
      station.state = newProbeState(station.probe);
      station.dueMs = nowMs;
      station.counted = { atMs: nowMs, gate: "shut" };
      station.probing.beginAnew(atMs);
    }
    this.#host.wake(nowMs);
    this.#noteReadiness();
  }

  /** Nothing more is asked or told. */
  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    for (const { run, probing } of this.#stations) {
      await run;
      await probing[Symbol.asyncDispose]();
    }
  }

  async #run(station: Station): Promise<void> {
    const life = this.#life;
    let outcome: ProbeOutcome;
    try {
      outcome = await this.#ask(station);
    } catch (error) {
      outcome = { kind: "missed", why: error instanceof Error ? error.message : String(error) };
    }
    station.run = null;
    if (this.#stop.signal.aborted) return;
    if (life === this.#life) this.#note(station, outcome);
    this.#host.wake(station.dueMs);
  }

  async #ask(station: Station): Promise<ProbeOutcome> {
    const { probe: { timeoutMs }, probing } = station;
    const { signal } = this.#stop;
    if (await this.#gate(station) === "shut") return { kind: "void" };
    const found = await probing.ask({ signal, timeoutMs });
    // A guest that was held meanwhile could not pass it.
    if (found.kind === "missed" && await this.#gate(station) === "shut") return { kind: "void" };
    return found;
  }

  /** Looks whether the guest can do anything, and counts its time of grace up to now. */
  async #gate(station: Station): Promise<Gate> {
    const liveness = await this.#guest.check({ signal: this.#stop.signal });
    const gate = probeGate(liveness, this.#guest.runState);
    const nowMs = this.#host.now();
    const { counted, state } = station;
    const throughout = counted.gate === "open" ? gate : "shut";
    station.state = passGrace(state, nowMs - counted.atMs, throughout, liveness);
    station.counted = { atMs: nowMs, gate };
    return gate;
  }

  #note(station: Station, outcome: ProbeOutcome): void {
    const { probe, index } = station;
    const { state, change } = noteProbe(probe, station.state, outcome);
    station.state = state;
    const isAwaited = probe.for === "readiness" && state.phase !== "passing";
    const everyMs = isAwaited ? Math.min(probe.everyMs, UNTIL_READY_MS) : probe.everyMs;
    station.dueMs = this.#host.now() + everyMs;
    if (change !== null) this.#listener.probed?.({ index, probe, result: change });
    this.#noteReadiness();
  }

  #noteReadiness(): void {
    const readiness = this.#judgeReadiness();
    if (readiness === this.#readiness) return;
    this.#readiness = readiness;
    this.#listener.readied?.(readiness);
  }

  #judgeReadiness(): Readiness {
    const states = this.#stations.filter(({ probe }) => probe.for === "readiness");
    return readinessOf(states.map(({ state }) => state));
  }
}
