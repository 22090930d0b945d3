import type { VmConfig } from "../machine/mod.ts";
import type { Logger } from "../qmp/mod.ts";
import {
  judgeLaunch,
  launch,
  LaunchError,
  type LaunchOptions,
  type Lifetime,
  type Verdict,
  type Vm,
} from "../vm/mod.ts";
import {
  decide,
  type Incident,
  INITIAL_STATE,
  type Phase,
  type PolicyAction,
  type PolicyState,
} from "./policy.ts";
import { type ReportBody, REPORTED_EVENTS } from "./report.ts";
import { type Policy, policyOf, type SupervisedVm } from "./spec.ts";

/** What a keeper needs from its supervisor. */
export interface KeeperHost {
  /** Where run directories are made; null for the usual place. */
  runtimeDir: string | null;
  lifetime: "owned" | "detached";
  logger: Logger;
  report(body: ReportBody): void;
}

/** The phases in which nothing more happens by itself. */
const SETTLED: readonly Phase[] = ["up", "down", "held", "failed"];

/**
 * Keeps one guest: feeds what happens to the policy, and carries out what the policy says. Decisions are made at once and
 * in order; what they take time to do goes on beside them.
 */
export class Keeper {
  readonly name: string;
  readonly spec: SupervisedVm;
  readonly #policy: Policy;
  readonly #config: VmConfig;
  readonly #host: KeeperHost;
  #state: PolicyState = INITIAL_STATE;
  #vm: Vm | null = null;
  #lastVerdict: Verdict | null = null;
  #launching: AbortController | null = null;
  #wait: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when the QEMU before the next one is gone: there are never two for one guest. */
  #gone: Promise<unknown> = Promise.resolve();
  /** Resolves when the end of the last QEMU has been seen to. */
  #followed: Promise<void> = Promise.resolve();
  /** What is being done, to be waited for at the end. */
  readonly #tasks = new Set<Promise<void>>();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(name: string, spec: SupervisedVm, host: KeeperHost) {
    this.name = name;
    this.spec = spec;
    this.#policy = policyOf(spec);
    this.#config = heldConfig(spec, this.#policy);
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

  /** The operator's wishes. */
  ask(what: "start" | "stop" | "restart"): void {
    this.#handle({ kind: `${what}-asked` }, (actions) => ({ kind: "asked", ask: what, actions }));
  }

  /** Waits until the guest is up, down, preserved or failed. */
  async settled(signal?: AbortSignal): Promise<void> {
    while (!SETTLED.includes(this.#state.phase)) {
      const { promise, reject } = Promise.withResolvers<never>();
      const aborted = () => reject(signal?.reason);
      signal?.throwIfAborted();
      signal?.addEventListener("abort", aborted, { once: true });
      try {
        await Promise.race([this.#changed.promise, promise]);
      } finally {
        signal?.removeEventListener("abort", aborted);
      }
    }
  }

  /** Stops the guest and waits until everything that was begun has ended. */
  async close(): Promise<void> {
    this.ask("stop");
    await this.settled();
    await this.#followed;
    await this.#idle();
  }

  /** Lets go of the guest and leaves its QEMU running. */
  async leave(): Promise<void> {
    clearTimeout(this.#wait);
    this.#launching?.abort(new Error("The supervisor closes"));
    const vm = this.#vm;
    this.#vm = null;
    await vm?.release();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #handle(incident: Incident, report: (actions: readonly PolicyAction[]) => ReportBody): void {
    const { state, actions } = decide(this.#state, incident, {
      policy: this.#policy,
      now: performance.now(),
      random: Math.random(),
    });
    this.#state = state;
    this.#host.report(report(actions));
    for (const action of actions) this.#carryOut(action);
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
  }

  #carryOut(action: PolicyAction): void {
    switch (action.kind) {
      case "start":
        return this.#do(action, () => this.#start());
      case "stop":
        this.#launching?.abort(new Error("The start was given up because a stop was asked for"));
        return this.#do(action, async () => void await this.#vm?.shutdown(this.spec.stop));
      case "clear-away":
        return this.#do(action, async () => void await this.#vm?.shutdown({ powerdownMs: 0 }));
      case "reset":
        return this.#do(action, async () => await this.#vm?.reset());
      case "resume":
        return this.#do(action, async () => await this.#vm?.resume());
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

  #do(action: PolicyAction, task: () => Promise<void>): void {
    const running = task().catch(async (error) => {
      this.#host.report({ kind: "action-failed", action, error });
      // A guest that can't be acted on is of no use, and its end is an incident that the policy knows.
      if (this.#vm && action.kind !== "start") await this.#vm.kill();
    }).finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  async #start(): Promise<void> {
    await this.#gone;
    const launching = new AbortController();
    this.#launching = launching;
    // A stop may have been asked for while the last QEMU was still going.
    if (this.#state.phase !== "starting") {
      launching.abort(new Error("The start was given up because a stop was asked for"));
    }
    let runDir: string | null = null;
    let vm: Vm;
    try {
      runDir = await this.#newRunDir();
      vm = await launch(this.#config, this.#launchOptions(launching.signal, runDir));
    } catch (error) {
      this.#launching = null;
      await removeDir(runDir);
      return this.#launchFailed(error, launching.signal.aborted);
    }
    this.#launching = null;
    this.#vm = vm;
    this.#gone = this.#follow(vm, runDir);
    this.#handle(
      { kind: "started" },
      (actions) => ({ kind: "started", pid: vm.pid, argv: vm.argv ?? [], actions }),
    );
  }

  #launchOptions(signal: AbortSignal, runDir: string | null): LaunchOptions {
    const { logger } = this.#host;
    const stderrFile = runDir === null ? null : `${runDir}.stderr.log`;
    const lifetime: Lifetime = this.#host.lifetime === "detached" && stderrFile !== null
      ? { kind: "detached", stderrFile }
      : { kind: "owned" };
    return { signal, logger, lifetime, signals: "ignore", ...(runDir === null ? {} : { runDir }) };
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
    this.#lastVerdict = verdict;
    this.#handle({ kind: "ended", verdict }, (actions) => ({ kind: "ended", verdict, actions }));
  }

  /** Watches one QEMU from its start to its end. Resolves when it is gone. */
  #follow(vm: Vm, runDir: string | null): Promise<unknown> {
    // Opened now, before anything can be missed.
    const events = vm.events();
    const ends = vm.ends();
    const following = Promise.all([this.#reportEvents(events), this.#reportEnds(ends)]);
    const gone = vm.stopped.then(async (verdict) => {
      await following;
      if (this.#vm !== vm) return;
      this.#vm = null;
      this.#lastVerdict = verdict;
      const cleanUp = this.#cleanUp(vm, runDir).finally(() => this.#tasks.delete(cleanUp));
      this.#tasks.add(cleanUp);
      this.#handle({ kind: "ended", verdict }, (actions) => ({ kind: "ended", verdict, actions }));
    });
    this.#followed = gone;
    return vm.stopped;
  }

  async #reportEvents(events: AsyncIterable<Parameters<typeof eventReport>[0]>): Promise<void> {
    for await (const event of events) {
      if (REPORTED_EVENTS.includes(event.event)) this.#host.report(eventReport(event));
    }
  }

  async #reportEnds(ends: AsyncIterable<Verdict>): Promise<void> {
    for await (const verdict of ends) {
      this.#lastVerdict = verdict;
      this.#handle(
        { kind: "guest-ended", verdict },
        (actions) => ({ kind: "guest-ended", verdict, actions }),
      );
    }
  }

  async #cleanUp(vm: Vm, runDir: string | null): Promise<void> {
    await vm[Symbol.asyncDispose]();
    await removeDir(runDir);
  }

  async #newRunDir(): Promise<string | null> {
    const { runtimeDir } = this.#host;
    if (runtimeDir === null) return null;
    await Deno.mkdir(runtimeDir, { recursive: true, mode: 0o700 });
    return `${runtimeDir}/${crypto.randomUUID().slice(0, 8)}`;
  }
}

function eventReport(event: Extract<ReportBody, { kind: "event" }>["event"]): ReportBody {
  return { kind: "event", event };
}

async function removeDir(dir: string | null): Promise<void> {
  if (dir === null) return;
  for (const path of [dir, `${dir}.stderr.log`]) {
    try {
      await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/**
 * Has QEMU hold a guest at its end, so that the process stays and says what happened. Where the policy has something to do about
 * a plain reboot, reboots are held too. What the config itself says comes first.
 */
function heldConfig(spec: SupervisedVm, policy: Policy): VmConfig {
  const onReset = policy.onCause["guest-reset"];
  const reboot = onReset === "restart" || onReset === "stop" || onReset === "preserve"
    ? { reboot: "shutdown" as const }
    : {};
  return {
    ...spec.config,
    actions: { shutdown: "pause", panic: "pause", watchdog: "pause", ...reboot, ...spec.config.actions },
  };
}
