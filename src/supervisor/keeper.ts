import type { VmConfig } from "../machine/mod.ts";
import { type AnyQmpEvent, type Logger, QmpCommandError } from "../qmp/mod.ts";
import {
  judgeLaunch,
  launch,
  LaunchError,
  type LaunchOptions,
  type Lifetime,
  type StopOptions,
  type Verdict,
  type Vm,
} from "../vm/mod.ts";
import { recentRestarts } from "./backoff.ts";
import { heldConfig } from "./held_config.ts";
import {
  decide,
  type Incident,
  INITIAL_STATE,
  type Phase,
  type PolicyAction,
  type PolicyState,
} from "./policy.ts";
import { type ReportBody, REPORTED_EVENTS } from "./report.ts";
import { lifetimeIn, newRunPlace, removeRunPlace, type RunPlace } from "./run_place.ts";
import { type Policy, policyOf, type SupervisedVm } from "./spec.ts";

/** What a keeper needs from its supervisor. */
export interface KeeperHost {
  /** Where run directories are made, an absolute path; null for the usual place. */
  runtimeDir: string | null;
  lifetime: Lifetime["kind"];
  logger: Logger;
  report(body: ReportBody): void;
}

/** What an operator can ask for. */
export type Ask = "start" | "stop" | "restart";

/** The phases in which nothing more happens by itself. */
const SETTLED: readonly Phase[] = ["up", "down", "held", "failed"];

/**
 * How long a QEMU whose connection broke is given to be seen to end, in milliseconds (90 were the most under load), and a command
 * under way to be answered before its connection is closed.
 */
const GRACE_MS = 2_000;

/**
 * Keeps one guest: feeds what happens to the policy, and carries out what the policy says. Decisions are made at once and
 * in order; what they take time to do goes on beside them.
 */
export class Keeper {
  readonly name: string;
  readonly #stop: StopOptions;
  readonly #policy: Policy;
  readonly #config: VmConfig;
  readonly #host: KeeperHost;
  #state: PolicyState = INITIAL_STATE;
  #vm: Vm | null = null;
  #lastVerdict: Verdict | null = null;
  #launching: AbortController | null = null;
  #wait: ReturnType<typeof setTimeout> | undefined;
  /** What is done in place, one after another: where reboots are held, a reset takes several commands. */
  #inPlace: Promise<void> = Promise.resolve();
  /** Resolves when the end of the last QEMU has been decided about. */
  #followed: Promise<void> = Promise.resolve();
  /** What is being done, to be waited for at the end. None of it rejects. */
  readonly #tasks = new Set<Promise<void>>();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #ending: Promise<void> | null = null;
  #left: boolean = false;

  /**
   * @param name The guest's name.
   * @param spec What to keep, its config checked.
   * @param host The supervisor's part.
   * @throws {RangeError | TypeError} When the policy is wrong.
   */
  constructor(name: string, spec: SupervisedVm, host: KeeperHost) {
    this.name = name;
    this.#stop = { ...spec.stop };
    this.#policy = policyOf(spec);
    this.#config = heldConfig(spec.config, this.#policy);
    this.#host = host;
  }

  get state(): PolicyState {
    return this.#state;
  }

  get vm(): Vm | null {
    return this.#vm;
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

  /** Waits until the guest is up, down, preserved or failed. */
  async settled(signal?: AbortSignal): Promise<void> {
    while (!SETTLED.includes(this.#state.phase) && !this.#left) {
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

  /** Stops the guest and waits until everything that was begun has ended. It can't be started any more. */
  close(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  /** Lets go of the guest and leaves its QEMU running. What is only on its way to run, or to its end, is stopped. */
  leave(): Promise<void> {
    this.#ending ??= this.#leave();
    return this.#ending;
  }

  /** Ends QEMU without waiting for anything: a person has lost patience. */
  kill(): void {
    const vm = this.#vm;
    if (vm !== null) this.#beside(vm.kill().then(() => {}));
  }

  async #close(): Promise<void> {
    this.ask("stop");
    await this.settled();
    await this.#followed;
    await this.#idle();
  }

  async #leave(): Promise<void> {
    const { phase, pending } = this.#state;
    const vm = this.#vm;
    const stays = phase === "up" || phase === "held" || (phase === "backoff" && pending !== "start");
    if (vm === null || !stays) return await this.#close();
    clearTimeout(this.#wait);
    this.#left = true;
    this.#announce();
    // A reset is two commands: between them the guest would be left standing.
    await within(GRACE_MS, this.#inPlace);
    this.#vm = null;
    await vm.release();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #handle(incident: Incident, report: (actions: readonly PolicyAction[]) => ReportBody): void {
    if (this.#left) return;
    const { state, actions } = decide(this.#state, incident, {
      policy: this.#policy,
      now: performance.now(),
      random: Math.random(),
    });
    this.#state = state;
    this.#host.report(report(actions));
    for (const action of actions) this.#carryOut(action);
    this.#announce();
  }

  #announce(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
  }

  #carryOut(action: PolicyAction): void {
    switch (action.kind) {
      case "start":
        return this.#beside(this.#start());
      case "stop":
        this.#launching?.abort(new Error("The start was given up because a stop was asked for"));
        return this.#beside(this.#end(action, this.#stop));
      case "clear-away":
        return this.#beside(this.#end(action, { ...this.#stop, powerdownMs: 0 }));
      case "reset":
        return this.#doInPlace(action, (vm) => vm.reset());
      case "resume":
        return this.#doInPlace(action, (vm) => vm.resume());
      case "wait":
        this.#wait = setTimeout(
          () => this.#handle({ kind: "wait-over" }, (actions) => ({ kind: "wait-over", actions })),
          action.delayMs,
        );
        return;
      case "end-wait":
        clearTimeout(this.#wait);
        return;
      case "give-up":
        return;
    }
  }

  /** Remembers what is being done until it is done. */
  #beside(work: Promise<void>): void {
    const task = work.finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  async #start(): Promise<void> {
    const launching = new AbortController();
    this.#launching = launching;
    const { runtimeDir } = this.#host;
    let place: RunPlace | null = null;
    let vm: Vm;
    try {
      if (runtimeDir !== null) place = await newRunPlace(runtimeDir);
      vm = await launch(this.#config, this.#launchOptions(launching.signal, place));
    } catch (error) {
      this.#launching = null;
      await this.#cleanUp(null, place);
      return this.#launchFailed(error, launching.signal.aborted);
    }
    this.#launching = null;
    this.#vm = vm;
    this.#followed = this.#follow(vm, place);
    this.#handle(
      { kind: "started" },
      (actions) => ({ kind: "started", pid: vm.pid, argv: vm.argv ?? [], actions }),
    );
  }

  #launchOptions(signal: AbortSignal, place: RunPlace | null): LaunchOptions {
    const { logger } = this.#host;
    return {
      signal,
      logger,
      lifetime: lifetimeIn(this.#host.lifetime, place),
      signals: "ignore",
      stop: this.#stop,
      ...(place === null ? {} : { runDir: place.runDir }),
    };
  }

  #launchFailed(error: unknown, givenUp: boolean): void {
    const found = error instanceof LaunchError ? error : null;
    const verdict = judgeLaunch({
      at: new Date(),
      detail: error instanceof Error ? error.message : String(error),
      exit: found?.exit ?? null,
      stderrTail: found?.stderrTail ?? "",
      intent: givenUp ? "stop" : "none",
    });
    this.#ended(verdict);
  }

  #ended(verdict: Verdict): void {
    this.#lastVerdict = verdict;
    this.#handle({ kind: "ended", verdict }, (actions) => ({ kind: "ended", verdict, actions }));
  }

  /** Watches one QEMU from its start to its end. */
  async #follow(vm: Vm, place: RunPlace | null): Promise<void> {
    // Opened now, before anything can be missed; they end with the VM.
    const reporting = Promise.allSettled([
      this.#reportEvents(vm, vm.events()),
      this.#reportEnds(vm, vm.ends()),
    ]);
    const verdict = await vm.stopped;
    await reporting;
    if (this.#vm !== vm) return;
    this.#vm = null;
    this.#beside(this.#cleanUp(vm, place));
    this.#ended(verdict);
  }

  async #reportEvents(vm: Vm, events: AsyncIterable<AnyQmpEvent>): Promise<void> {
    for await (const event of events) {
      if (this.#vm !== vm || !REPORTED_EVENTS.includes(event.event)) continue;
      const report = (): ReportBody => ({ kind: "event", event });
      if (event.event === "RESUME") this.#handle({ kind: "resumed" }, report);
      else this.#host.report(report());
    }
  }

  async #reportEnds(vm: Vm, ends: AsyncIterable<Verdict>): Promise<void> {
    for await (const verdict of ends) {
      if (this.#vm !== vm) continue;
      this.#lastVerdict = verdict;
      this.#handle(
        { kind: "guest-ended", verdict },
        (actions) => ({ kind: "guest-ended", verdict, actions }),
      );
    }
  }

  /** Ends QEMU. When even that fails there is SIGKILL left. */
  async #end(action: PolicyAction, options: StopOptions): Promise<void> {
    const vm = this.#vm;
    if (vm === null) return;
    try {
      await vm.shutdown(options);
    } catch (error) {
      this.#host.report({ kind: "action-failed", action, error: asError(error), actions: [] });
      await vm.kill();
    }
  }

  /** Does something to the guest in the QEMU that it has. */
  #doInPlace(action: PolicyAction, act: (vm: Vm) => Promise<void>): void {
    const vm = this.#vm;
    if (vm === null) return;
    const isWanted = () => this.#vm === vm && this.#state.phase === "up";
    const work = this.#inPlace.then(async () => {
      if (!isWanted()) return;
      try {
        await act(vm);
      } catch (error) {
        // Where the connection broke, QEMU is usually ending: its end is then the news, and is decided about by itself.
        if (!(error instanceof QmpCommandError)) await within(GRACE_MS, vm.stopped);
        if (!isWanted()) {
          this.#host.logger.debug("An action came to nothing", { vm: this.name, action, error });
          return;
        }
        this.#handle(
          { kind: "action-failed" },
          (actions) => ({ kind: "action-failed", action, error: asError(error), actions }),
        );
      }
    });
    this.#inPlace = work;
    this.#beside(work);
  }

  /** Removes what a QEMU left. What can't be removed is no reason to keep a guest from its next life. */
  async #cleanUp(vm: Vm | null, place: RunPlace | null): Promise<void> {
    try {
      await vm?.[Symbol.asyncDispose]();
      if (place !== null) await removeRunPlace(place);
    } catch (error) {
      this.#host.logger.warn("Could not remove what QEMU left", { vm: this.name, ...place, error });
    }
  }
}

/** Waits for something that never rejects, but not longer than this. */
async function within(ms: number, awaited: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([awaited, limit]);
  clearTimeout(timer);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
