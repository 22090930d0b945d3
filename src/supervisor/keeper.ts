import { type AnyQmpEvent, QmpTimeoutError } from "../qmp/mod.ts";
import type { Lifetime, Verdict, Vm } from "../vm/mod.ts";
import { recentRestarts } from "./backoff.ts";
import { Chronicle, type ChronicleHost } from "./chronicle.ts";
import { Deeds, type ReportOf } from "./deeds.ts";
import type { GuestSnapshot } from "./guest_memory.ts";
import { type FoundProcess, GuestProcess, type ProcessHost } from "./guest_process.ts";
import { heldConfig } from "./held_config.ts";
import type { GuestNow, Incident } from "./incident.ts";
import { checkProbes, type Liveness, type LivenessWatch, type Readiness } from "./liveness/mod.ts";
import { decide } from "./policy.ts";
import type { Decision, PolicyAction } from "./policy_action.ts";
import { policyOf } from "./policy_of.ts";
import { INITIAL_STATE, type Phase, type PolicyState, type Wanted } from "./policy_state.ts";
import type { ReportBody } from "./report.ts";
import type { RunPlace } from "./run_place.ts";
import { policyInForce } from "./spec_change.ts";
import type { Policy, SupervisedVm } from "./spec.ts";
import type { RunRecord } from "./store/mod.ts";
import { Tasks } from "./tasks.ts";
import { Watching } from "./watching.ts";

/** What a keeper needs from its supervisor. */
export interface KeeperHost extends ChronicleHost, Pick<ProcessHost, "runtimeDir" | "logger" | "crash"> {
  lifetime: Lifetime["kind"];
  /** Where dumps go that name no directory. */
  dumpDir: string;
  watch: LivenessWatch;
}

/** What an operator can ask for. */
export type Ask = "start" | "stop" | "restart" | "clear";

/** What a keeper begins with: nothing, or what an earlier one knew. */
export interface Beginnings {
  state: PolicyState;
  run: RunRecord | null;
  litter: readonly RunPlace[];
  lastVerdict: Verdict | null;
}

const NOTHING_YET: Beginnings = { state: INITIAL_STATE, run: null, litter: [], lastVerdict: null };

/** How long a QEMU that answers again may take for the next answer, in milliseconds. */
const ANSWER_MS = 5_000;

/** The run states in which QEMU holds a guest at its end. */
const HELD: readonly string[] = ["shutdown", "guest-panicked", "watchdog", "io-error", "internal-error"];

/** The phases in which nothing more happens by itself. */
const SETTLED: readonly Phase[] = ["up", "down", "held", "failed", "unresponsive", "unverified"];

/**
 * Keeps one guest: feeds what happens to the policy, and carries out what the policy says. Decisions are made at once and in order; what
 * they take time to do goes on beside them, once they are written down.
 */
export class Keeper {
  readonly name: string;
  readonly #host: KeeperHost;
  readonly #chronicle: Chronicle;
  readonly #process: GuestProcess;
  readonly #watching: Watching;
  readonly #deeds: Deeds;
  readonly #tasks = new Tasks();
  #spec: SupervisedVm;
  #policy: Policy;
  /** The policy under which the QEMU was launched that is there. */
  #launchedPolicy: Policy | null = null;
  #state: PolicyState;
  #lastVerdict: Verdict | null;
  /** Counts how often it got stuck or answered again: what is found out later is news only of the last time. */
  #turns: number = 0;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #ending: Promise<void> | null = null;
  /** What was wanted when the supervisor closed: that it stops its guests is no wish of the operator's. */
  #wantedAtClose: Wanted | null = null;
  #left: boolean = false;

  /**
   * @param name The guest's name.
   * @param spec What to keep, its config checked.
   * @param host The supervisor's part.
   * @param from What an earlier keeper of this guest knew.
   * @throws {RangeError | TypeError} When the policy is wrong.
   */
  constructor(name: string, spec: SupervisedVm, host: KeeperHost, from: Beginnings = NOTHING_YET) {
    this.name = name;
    this.#policy = checkedPolicy(spec);
    this.#spec = spec;
    this.#host = host;
    this.#state = from.state;
    this.#lastVerdict = from.lastVerdict;
    if (from.run !== null) this.#launchedPolicy = this.#policy;
    const chronicle = new Chronicle(name, host, () => this.#snapshot());
    this.#chronicle = chronicle;
    this.#process = new GuestProcess(name, {
      ...host,
      remember: host.memory === null ? "nothing" : "all",
      assertFindable: () => host.memory?.assertFindable(host.runtimeDir) ?? Promise.resolve(),
      written: () => chronicle.written,
      tasks: this.#tasks,
    }, {
      began: (vm) => this.#watching.begin(vm, this.#process.run?.startTime ?? null, this.#spec),
      started: (vm) => this.#started(vm),
      event: (event) => this.#onEvent(event),
      guestEnded: (verdict) => this.#judged("guest-ended", verdict),
      ended: (verdict) => this.#judged("ended", verdict),
      unreachable: () =>
        this.#handle({ kind: "unreachable" }, (actions) => ({ kind: "unreachable", actions })),
      reachable: (guest) =>
        this.#handle({ kind: "reachable", guest }, (actions) => ({ kind: "reachable", guest, actions })),
    }, from);
    this.#watching = new Watching({
      watch: host.watch,
      policy: () => this.#policy,
      note: (body) => this.#note(body),
      stuck: (liveness, why) => {
        this.#turns++;
        this.#handle({ kind: "stuck" }, (actions) => ({ kind: "stuck", liveness, why, actions }));
      },
      unstuck: () => this.#tasks.add(this.#unstuck(++this.#turns)),
    });
    this.#deeds = new Deeds({
      ...{ name, dumpDir: host.dumpDir, logger: host.logger, process: this.#process, tasks: this.#tasks },
      phase: () => this.#state.phase,
      stop: () => this.#spec.stop ?? {},
      note: (body) => this.#note(body),
      handle: (incident, report) => this.#handle(incident, report),
    });
  }

  get liveness(): Liveness | null {
    return this.vm === null ? null : this.#watching.liveness;
  }

  get readiness(): Readiness {
    return this.vm === null ? "unknown" : this.#watching.readiness;
  }

  get spec(): SupervisedVm {
    return this.#spec;
  }

  get state(): PolicyState {
    return this.#state;
  }

  get vm(): Vm | null {
    return this.#process.vm;
  }

  get lastVerdict(): Verdict | null {
    return this.#lastVerdict;
  }

  /** How many restarts count now. */
  get restarts(): number {
    return recentRestarts(this.#policy.limit, this.#state.history, performance.now()).length;
  }

  /**
   * The operator's wishes.
   *
   * @throws {TypeError} When the guest is being let go of and is to be started all the same.
   */
  ask(what: Ask): void {
    if (this.#ending && what !== "stop") {
      throw new TypeError(
        `Cannot ${what} VM "${this.name}": it is being removed, or its supervisor is closing`,
      );
    }
    this.#handle({ kind: `${what}-asked` }, (actions) => ({ kind: "asked", ask: what, actions }));
  }

  /**
   * Replaces config and policy. The policy counts from now on, the config from the guest's next start.
   *
   * @throws {RangeError | TypeError} When the policy is wrong.
   */
  update(spec: SupervisedVm): void {
    this.#policy = checkedPolicy(spec);
    this.#spec = spec;
    this.#chronicle.tell({ kind: "updated" }, () => {});
  }

  /**
   * Goes on where an earlier keeper's process ended.
   *
   * @param decision What is to be done first.
   * @param body What is reported of it; null for nothing.
   * @param found What still runs.
   */
  resume(decision: Decision, body: ReportBody | null, found: FoundProcess): void {
    const { begun } = this.#state;
    this.#state = decision.state;
    this.#process.takeUp(found);
    this.#prepare(decision.actions);
    if (begun?.kind === "dump" && found.kind === "none") {
      this.#tasks.add(this.#deeds.removePartialDumps(begun.dump));
    }
    if (body === null) return;
    if ("verdict" in body) this.#lastVerdict = body.verdict;
    this.#chronicle.tell(body, () => this.#carryOut(decision.actions));
    this.#announce();
  }

  /** Tells that the clock of this machine jumped. */
  clockJumped(byMs: number): void {
    this.#note({ kind: "clock-jump", byMs });
  }

  /** Tells of an event that nobody saw when it happened. */
  tellMissed(event: AnyQmpEvent): void {
    this.#note({ kind: "event", event });
  }

  /** Resolves when everything that was decided so far is written down. */
  get written(): Promise<void> {
    return this.#chronicle.written;
  }

  /** Waits until the guest is up, down, preserved or failed, and that is written down. */
  async settled(signal?: AbortSignal): Promise<void> {
    await this.#until(() => SETTLED.includes(this.#state.phase) || this.#left, signal);
    await this.#chronicle.written;
  }

  /** Stops the guest and waits until everything that was begun has ended. It can't be started any more. */
  close(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  /** Lets go of the guest and leaves its QEMU running. */
  leave(): Promise<void> {
    this.#ending ??= this.#leave();
    return this.#ending;
  }

  /** Stops the guest and removes all that is known of it. */
  async forget(): Promise<void> {
    // Whoever goes on should this process die meanwhile is not to start it again.
    this.#wantedAtClose = "down";
    await this.close();
    await this.#host.memory?.forget();
  }

  /** Ends QEMU without waiting for anything: a person has lost patience. */
  kill(): void {
    this.#process.kill();
  }

  async #close(): Promise<void> {
    this.#wantedAtClose ??= this.#state.wanted;
    this.ask("stop");
    await this.settled();
    await this.#watching.end();
    await this.#idle();
  }

  async #leave(): Promise<void> {
    const isOnTheWay = () => this.#state.phase === "starting" || this.#state.phase === "stopping";
    // Without a memory nobody would go on with what has only begun.
    if (this.#host.memory === null && (this.vm === null || isOnTheWay())) return await this.#close();
    await this.#until(() => !isOnTheWay());
    this.#deeds.endWait();
    await this.#chronicle.written;
    this.#left = true;
    this.#announce();
    await this.#watching.end();
    await this.#process.leave();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    await this.#chronicle.written;
    await this.#tasks.idle();
    await this.#chronicle.written;
  }

  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!isSo()) {
      signal?.throwIfAborted();
      const { promise, reject } = Promise.withResolvers<never>();
      const aborted = () => reject(signal?.reason);
      signal?.addEventListener("abort", aborted, { once: true });
      try {
        await Promise.race([this.#changed.promise, promise]);
      } finally {
        signal?.removeEventListener("abort", aborted);
      }
    }
  }

  #handle(incident: Incident, report: ReportOf): void {
    if (this.#left) return;
    const { state, actions } = decide(this.#state, incident, {
      policy: policyInForce(this.#launchedPolicy, this.#policy),
      now: performance.now(),
      random: Math.random(),
    });
    const body = report(actions);
    if (actions.length === 0 && isSame(state, this.#state) && !("verdict" in body)) return this.#note(body);
    this.#state = state;
    this.#prepare(actions);
    this.#chronicle.tell(body, () => this.#carryOut(actions));
    this.#announce();
  }

  #note(body: ReportBody): void {
    this.#chronicle.note(body, this.#process.run);
  }

  #snapshot(): GuestSnapshot {
    const { run, litter } = this.#process;
    const wanted = this.#wantedAtClose ?? this.#state.wanted;
    return {
      name: this.name,
      spec: this.#spec,
      state: { ...this.#state, wanted },
      run,
      litter,
      lastVerdict: this.#lastVerdict,
    };
  }

  #announce(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
  }

  #started(vm: Vm): void {
    const { pid, argv } = vm;
    this.#handle({ kind: "started" }, (actions) => ({ kind: "started", pid, argv: argv ?? [], actions }));
  }

  #judged(kind: "guest-ended" | "ended", verdict: Verdict): void {
    this.#lastVerdict = verdict;
    this.#handle({ kind, verdict }, (actions) => {
      if (kind === "guest-ended" && actions.some((action) => action.kind === "clear-away")) {
        this.#process.endsFor(verdict);
      }
      return { kind, verdict, actions };
    });
  }

  async #unstuck(turn: number): Promise<void> {
    const { vm } = this;
    const isNews = () => this.vm === vm && this.#turns === turn;
    while (vm !== null && isNews()) {
      try {
        const { status } = await vm.status({ timeoutMs: ANSWER_MS });
        if (!isNews()) return;
        const guest = guestNow(status);
        return this.#handle({ kind: "unstuck", guest }, (actions) => ({ kind: "unstuck", guest, actions }));
      } catch (error) {
        this.#host.logger.debug("A QEMU that answered again does not", { vm: this.name, error });
        // Nobody else asks. That its monitor is gone is news by itself.
        if (!(error instanceof QmpTimeoutError)) return;
      }
    }
  }

  #onEvent(event: AnyQmpEvent): void {
    if (event.event === "RESET") this.#watching.begunAnew(wallClockMs(event));
    if (event.event === "RESUME") this.#handle({ kind: "resumed" }, () => ({ kind: "event", event }));
    else this.#note({ kind: "event", event });
  }

  /** What is to be started is written down with the decision. */
  #prepare(actions: readonly PolicyAction[]): void {
    if (!actions.some(({ kind }) => kind === "start")) return;
    this.#launchedPolicy = this.#policy;
    this.#process.prepare(heldConfig(this.#spec.config, this.#policy));
  }

  #carryOut(actions: readonly PolicyAction[]): void {
    for (const action of actions) if (!this.#left) this.#deeds.do(action);
  }
}

function checkedPolicy(spec: SupervisedVm): Policy {
  checkProbes(spec.probes ?? [], spec.config);
  return policyOf(spec);
}

/** What a run state says of a guest. One that was paused by somebody is as good as running. */
function guestNow(status: string): GuestNow {
  if (status === "prelaunch") return status;
  return HELD.includes(status) ? "held" : "running";
}

function wallClockMs({ timestamp: { seconds, microseconds } }: AnyQmpEvent): number {
  // QEMU says -1 where it could not look at the clock.
  return seconds < 0 ? Date.now() : seconds * 1000 + microseconds / 1000;
}

/** Nothing that would have to be written down again. */
function isSame(state: PolicyState, before: PolicyState): boolean {
  return Object.entries(state).every(([key, value]) => value === Reflect.get(before, key));
}
