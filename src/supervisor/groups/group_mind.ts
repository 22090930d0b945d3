import { wordOf } from "../action.ts";
import { actionFor } from "../cause_table.ts";
import type { PolicyAction } from "../policy_action.ts";
import type { Report } from "../report.ts";
import type { GuestStatus } from "../supervisor.ts";
import type { GroupReport, GroupReportBody, RestartReason } from "./group_report.ts";
import type { HelperEnd, HelperProcess } from "./helper_process.ts";
import type { Member } from "./member.ts";
import { afterMemberEnd, type EndCircumstances, type MemberDecision, oneMoreLife } from "./member_policy.ts";
import type { HelperStartError } from "./member_processes.ts";
import { isAtRest, waitsFor } from "./next_steps.ts";
import { affectedBy, type GroupShape, restartPlan } from "./strategy.ts";

/** What a group's mind needs from its group. */
export interface MindHost {
  /** What the supervisor says of a guest now. */
  guest(name: string): GuestStatus | undefined;
  tell(report: GroupReport): void;
  /** Something changed by itself: a wait is over. */
  changed(): void;
}

/** What a guest that did not become ready is judged by. */
const UNRESPONSIVE = { cause: "unresponsive", tripleFault: null } as const;
/** What a guest is judged by whose helper can't be started. */
const LAUNCH_FAILED = { cause: "launch-failed", tripleFault: null } as const;

/**
 * Makes of what happens to a group's members what is to become of them. It begins nothing: what can be begun follows from the members
 * (`next_steps.ts`).
 */
export class GroupMind {
  readonly #shape: GroupShape;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #host: MindHost;

  /**
   * @param shape Strategy and dependencies.
   * @param members The members.
   * @param host The group's part.
   */
  constructor(shape: GroupShape, members: ReadonlyMap<string, Member>, host: MindHost) {
    this.#shape = shape;
    this.#members = members;
    this.#host = host;
  }

  /** The supervisor reports something of a member. */
  noteReport(member: Member, report: Report): void {
    const actions = "actions" in report ? report.actions : [];
    const circumstances = circumstancesOf(member);
    if (report.kind === "ended") member.endLife();
    if (does(actions, "start")) member.beginLife();
    if (report.kind === "ended") this.#ended(member, report, circumstances);
    else this.#host.tell(report);
    switch (report.kind) {
      case "asked":
        return this.#asked(member, report.ask);
      case "started":
      case "adopted":
        return this.#isUp(member);
      case "readiness":
        return this.#readied(member, report.readiness);
      case "guest-ended":
        this.#guestEnded(member, report.actions);
        break;
      case "stuck":
        return this.#stuck(member, circumstances);
      case "event":
        if (report.event.event === "RESUME") this.#resumed(member);
        return;
    }
    if (does(actions, "reset")) this.#resetInPlace(member);
    if (does(actions, "resume")) this.#runsOn(member);
  }

  /** A member was up already when its group was opened; it may have said before that it is ready. */
  foundUp(member: Member, saidReady: boolean): void {
    if (member.goal !== "up" || !saidReady) return this.#isUp(member);
    member.upSince = performance.now();
    this.#isReady(member);
  }

  /** A helper could not be started, so the guest was not. */
  noteHelperFailure(member: Member, { helper, message }: HelperStartError): void {
    if (member.goal !== "up") return;
    member.phase = "ending";
    const decision = afterMemberEnd(member.policy, LAUNCH_FAILED, circumstancesOf(member));
    this.#decide(member, decision, "helper", (actions) => {
      this.#tell(member, { kind: "helper-failed", helper, why: message, actions });
    });
  }

  /** A helper ended although nobody asked it to. */
  noteHelperEnd(member: Member, helper: HelperProcess, end: HelperEnd, onEnd: "restart" | "report"): void {
    const tell = (actions: readonly PolicyAction[]) =>
      this.#tell(member, { kind: "helper-ended", helper: helper.name, ...end, actions });
    const needsIt = member.goal === "up" && ["starting", "up", "ready"].includes(member.phase);
    // A guest that is at its end, or preserved, is not made any better by a restart.
    if (onEnd === "report" || !needsIt) return tell([]);
    this.#decide(member, oneMoreLife(member.policy, circumstancesOf(member)), "helper", tell);
  }

  /** A member can't be started at all. */
  noteRefusal(member: Member, error: unknown): void {
    member.phase = "ending";
    this.#giveUp(member, error instanceof Error ? error.message : String(error));
  }

  /** Somebody wants a member, and whoever the strategy has restarted with it, to begin anew. */
  restart(member: Member): void {
    member.forgive();
    this.#renew(member, "asked");
  }

  #ended(member: Member, report: Extract<Report, { kind: "ended" }>, circumstances: EndCircumstances): void {
    // What the group itself stops is no news, whatever the supervisor makes of it.
    if (member.goal !== "up" || member.phase === "stopping" || isAtRest(member)) {
      return this.#host.tell(report);
    }
    member.phase = "ending";
    const decision = gaveUp(report.actions)
      ? { kind: "give-up" } as const
      : afterMemberEnd(member.policy, report.verdict, circumstances);
    this.#decide(member, decision, "ended", (actions) => this.#host.tell({ ...report, actions }));
  }

  #asked(member: Member, ask: "start" | "stop" | "restart" | "clear"): void {
    switch (ask) {
      case "stop":
        if (member.stopIsTold()) return;
        member.goal = "down";
        member.forgive();
        return;
      case "clear":
        return member.forgive();
      case "start":
        if (isAtRest(member)) this.#startedByOthers(member);
        else if (member.phase === "held") member.goal = "renew";
        return;
      case "restart":
        if (isAtRest(member)) this.#startedByOthers(member);
        else if (member.goal === "up" && member.phase !== "starting") member.goal = "renew";
        return;
    }
  }

  /** A QEMU is being started that has not waited for its turn. */
  #startedByOthers(member: Member): void {
    const inTurn = member.plans.length === 0 &&
      waitsFor(this.#shape.dependencies, this.#members, member.name).length === 0;
    member.forgive();
    member.phase = "starting";
    member.goal = inTurn ? "up" : "renew";
  }

  #isUp(member: Member): void {
    if (member.phase === "stopping" || isAtRest(member)) return;
    member.upSince = performance.now();
    member.answers = "yes";
    this.#runsOn(member);
  }

  /** Its QEMU runs: is it ready? */
  #runsOn(member: Member): void {
    if (member.phase === "stopping" || isAtRest(member)) return;
    if (!member.hasProbes || this.#host.guest(member.name)?.readiness === "ready") this.#isReady(member);
    else this.#awaitReadiness(member);
  }

  /** It will be reported. */
  #awaitReadiness(member: Member): void {
    member.phase = "up";
    clearTimeout(member.deadline);
    member.deadline = setTimeout(() => {
      member.deadline = undefined;
      this.#notReady(member);
      this.#host.changed();
    }, member.readyWithinMs);
  }

  #isReady(member: Member): void {
    clearTimeout(member.deadline);
    member.deadline = undefined;
    member.phase = "ready";
    this.#tell(member, { kind: "member-ready" });
  }

  #readied(member: Member, readiness: "unknown" | "ready" | "not-ready"): void {
    if (readiness === "ready" && member.phase === "up") return this.#isReady(member);
    if (readiness === "ready" || member.phase !== "ready") return;
    // It was ready once: what it is now is for its probes and its own policy to say.
    member.phase = "up";
  }

  #notReady(member: Member): void {
    if (member.phase !== "up" || member.goal !== "up") return;
    const why = `Its readiness probes have not passed within ${member.readyWithinMs} ms`;
    const tell = (actions: readonly PolicyAction[]) =>
      this.#tell(member, { kind: "member-not-ready", why, actions });
    if (wordOf(actionFor(member.policy, UNRESPONSIVE)) === "preserve") {
      member.phase = "held";
      return tell([{ kind: "give-up", why: "preserved" }]);
    }
    const decision = afterMemberEnd(member.policy, UNRESPONSIVE, circumstancesOf(member));
    this.#decide(member, decision, "not-ready", tell);
  }

  #guestEnded(member: Member, actions: readonly PolicyAction[]): void {
    if (member.phase === "stopping" || isAtRest(member)) return;
    clearTimeout(member.deadline);
    member.deadline = undefined;
    const isPreserved = actions.some((action) => action.kind === "give-up" && action.why !== "stopped");
    member.phase = isPreserved ? "held" : "ending";
  }

  /** Its next life begins in the same QEMU; the others of its strategy begin a new one. */
  #resetInPlace(member: Member): void {
    if (member.phase === "stopping" || isAtRest(member)) return;
    if (member.goal === "up") this.#renewOthers(member, "reset");
    // Its probes begin anew as well: what they said before does not count.
    if (member.hasProbes) this.#awaitReadiness(member);
    else this.#isReady(member);
  }

  /** By a person, who has seen to it. */
  #resumed(member: Member): void {
    if (member.phase === "held" && this.#host.guest(member.name)?.phase === "up") this.#runsOn(member);
  }

  #stuck(member: Member, circumstances: EndCircumstances): void {
    if (member.goal !== "up" || member.policy.onStuck.action !== "restart") return;
    member.answers = "no";
    this.#decide(member, oneMoreLife(member.policy, circumstances), "stuck", () => {});
  }

  /** Does what was decided about a member, and tells of it: first of what happened, then of what follows for others. */
  #decide(
    member: Member,
    decision: MemberDecision,
    because: RestartReason,
    tell: (actions: readonly PolicyAction[]) => void,
  ): void {
    switch (decision.kind) {
      case "stop":
        member.goal = "down";
        return tell([{ kind: "give-up", why: "stopped" }]);
      case "give-up":
        tell([{ kind: "give-up", why: "restart-limit" }]);
        return this.#giveUp(member, "It was restarted as often as its limit allows");
      case "restart":
        member.history = decision.history;
        if (decision.delayMs === 0) tell([{ kind: "start" }]);
        else {
          tell([{ kind: "wait", delayMs: decision.delayMs }]);
          this.#waitBeforeStart(member, decision.delayMs);
        }
        return this.#renew(member, because);
    }
  }

  #waitBeforeStart(member: Member, delayMs: number): void {
    clearTimeout(member.backoff);
    member.backoff = setTimeout(() => {
      member.backoff = undefined;
      if (member.phase === "backoff") member.phase = "down";
      this.#host.changed();
    }, delayMs);
  }

  #giveUp(member: Member, why: string): void {
    member.goal = "down";
    member.atRest = "failed";
    const others = [...affectedBy(this.#shape, member.name)].filter((name) =>
      name !== member.name && this.#members.get(name)?.goal !== "down"
    );
    for (const name of others) this.#stopWith(this.#members.get(name));
    this.#tell(member, { kind: "member-failed", why, with: others });
  }

  #stopWith(other: Member | undefined): void {
    if (other === undefined) return;
    other.goal = "down";
    other.forgive();
  }

  #renew(member: Member, because: RestartReason): void {
    member.goal = isAtRest(member) ? "up" : "renew";
    this.#renewOthers(member, because);
  }

  #renewOthers(member: Member, because: RestartReason): void {
    const running = new Set(
      [...this.#members.values()].filter((one) => !isAtRest(one) && one.goal !== "down").map(({ name }) =>
        name
      ),
    );
    const plan = restartPlan(this.#shape, member.name, running);
    const names = plan.start.flat();
    for (const name of names) {
      const other = this.#members.get(name);
      if (other && other !== member) other.goal = "renew";
    }
    if (
      because === "reset"
        ? names.length > 1
        : names.length > 1 || because !== "ended" || member.plans.length > 0
    ) {
      this.#tell(member, { kind: "restart-planned", because, plan });
    }
  }

  #tell({ name }: Member, body: GroupReportBody): void {
    this.#host.tell({ at: new Date(), vm: name, ...body });
  }
}

function circumstancesOf({ history, upSince }: Member): EndCircumstances {
  const now = performance.now();
  return { history, ranMs: upSince === null ? 0 : now - upSince, now, random: Math.random() };
}

function does(actions: readonly PolicyAction[], kind: PolicyAction["kind"]): boolean {
  return actions.some((action) => action.kind === kind);
}

/** The supervisor has given it up itself: what is done in place has a limit as well. */
function gaveUp(actions: readonly PolicyAction[]): boolean {
  return actions.some((action) => action.kind === "give-up" && action.why === "restart-limit");
}
