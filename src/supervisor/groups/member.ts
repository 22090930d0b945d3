import type { VmConfig } from "../../machine/mod.ts";
import { NO_RESTARTS, type RestartHistory } from "../backoff.ts";
import { policyOf } from "../policy_of.ts";
import type { Policy, SupervisedVm } from "../spec.ts";
import type { GroupMember } from "./group.ts";
import type { HelperPlan, HelperProcess } from "./helper_process.ts";
import { leftToGroup } from "./member_policy.ts";
import type { Goal, MemberPhase, MemberState } from "./next_steps.ts";

/** How long a guest may take to become ready, in milliseconds, unless it says otherwise. */
const READY_WITHIN_MS = 300_000;

/** What a group knows of one of its members, and has of it. */
export class Member implements MemberState {
  readonly name: string;
  /** What its supervisor keeps. */
  readonly spec: SupervisedVm;
  /** What the group goes by. */
  readonly policy: Policy;
  readonly readyWithinMs: number;
  /** Its own helpers, in the order in which they are started. */
  readonly plans: readonly (HelperPlan & { onEnd: "restart" | "report" })[];

  goal: Goal = "down";
  phase: MemberPhase = "down";
  history: RestartHistory = NO_RESTARTS;
  /** Since when its QEMU runs, in milliseconds; null while it does not. */
  upSince: number | null = null;
  /** What it will be when nothing of it runs. */
  atRest: "down" | "failed" = "down";
  /** Its guest does not answer: it is not asked to end. */
  answers: "yes" | "no" = "yes";
  helpers: HelperProcess[] = [];
  /** A start that is under way, and how to give it up. */
  starting: { done: Promise<void>; giveUp: AbortController } | null = null;
  /** The wait before its next start. */
  backoff: ReturnType<typeof setTimeout> | undefined;
  /** When it has to be ready. */
  deadline: ReturnType<typeof setTimeout> | undefined;
  #life: PromiseWithResolvers<void> | null = null;
  #stopTold: PromiseWithResolvers<void> | null = null;

  /**
   * @param name Its name.
   * @param member The member, its files in their places.
   * @param plans Its helpers.
   */
  constructor(name: string, member: GroupMember, plans: Member["plans"]) {
    const { dependsOn: _order, readyWithinMs, helpers: _plans, ...spec } = member;
    const { config, ...policy } = spec;
    this.name = name;
    this.policy = policyOf(policy);
    this.spec = leftToGroup({ ...policy, config: config as VmConfig });
    this.readyWithinMs = readyWithinMs ?? READY_WITHIN_MS;
    this.plans = plans;
  }

  /** Whether there is more to know of its readiness than that QEMU runs. */
  get hasProbes(): boolean {
    return this.spec.probes?.some((probe) => probe.for === "readiness") ?? false;
  }

  /** Whether there is a QEMU, or an attempt to start one. */
  get hasLife(): boolean {
    return this.#life !== null;
  }

  /** Resolves when that is known to be over. */
  get lifeOver(): Promise<void> {
    return this.#life?.promise ?? Promise.resolve();
  }

  /** There is a QEMU, or will be one: an end will be reported. */
  beginLife(): void {
    this.#life ??= Promise.withResolvers<void>();
  }

  /** It was reported. */
  endLife(): void {
    this.#life?.resolve();
    this.#life = null;
    this.upSince = null;
  }

  /** To be called before a stop is asked for: resolves when that was reported. */
  stopWillBeTold(): Promise<void> {
    this.#stopTold ??= Promise.withResolvers<void>();
    return this.#stopTold.promise;
  }

  /** A stop was reported. Returns whether it was that one; else somebody else has asked for it. */
  stopIsTold(): boolean {
    const told = this.#stopTold;
    this.#stopTold = null;
    told?.resolve();
    return told !== null;
  }

  /** Nothing will be reported any more. */
  endReports(): void {
    this.endLife();
    this.stopIsTold();
  }

  /** Takes back what was set to happen later. */
  clearTimers(): void {
    clearTimeout(this.backoff);
    clearTimeout(this.deadline);
    this.backoff = undefined;
    this.deadline = undefined;
  }

  /** Somebody wants it to begin anew: what was before does not count. */
  forgive(): void {
    this.history = NO_RESTARTS;
    this.atRest = "down";
    clearTimeout(this.backoff);
    this.backoff = undefined;
    if (this.phase === "failed" || this.phase === "backoff") this.phase = "down";
  }
}
