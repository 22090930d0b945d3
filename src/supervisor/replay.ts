import type { VerdictCause } from "../vm/mod.ts";
import { decide } from "./policy.ts";
import type { Incident } from "./incident.ts";
import type { PolicyAction } from "./policy_action.ts";
import { INITIAL_STATE, type Phase, type PolicyState } from "./policy_state.ts";
import type { Report } from "./report.ts";
import type { Policy } from "./spec.ts";

/** What happened to a guest, without the evidence. */
export interface Happened {
  kind: Incident["kind"];
  /** Why it ended; null where it did not. */
  cause: VerdictCause | null;
  /** The same in a sentence. */
  detail: string | null;
}

/** Something that happened, what was done about it, and what another policy would have done. */
export interface ReplayStep {
  at: Date;
  vm: string;
  happened: Happened;
  /** All that was done about it, in order, later decisions included. */
  did: PolicyAction[];
  /** All that the other policy would have done; null where it would not have come to this. */
  would: PolicyAction[] | null;
  /** Where the other policy would have had the guest, once all that is done. */
  phase: Phase;
  /** Since when. */
  since: Date;
}

/**
 * Runs what was reported of one guest through another policy, with the reports' own times for a clock and without chance (a wait is neither
 * lengthened nor shortened by jitter).
 *
 * Each life of the guest is taken to begin and to end when it did: what the other policy would have waited longer or shorter is only said. What the recorded
 * supervisor brought about itself (an end that it asked for, a start) is not what happened to the guest: the other policy's own doings take its place,
 * and are taken to succeed. Once the other policy would have left the guest stopped, preserved or failed, nothing that happened to it later counts, until an
 * operator asks for it.
 */
export class GuestReplay {
  readonly #policy: Policy;
  readonly #steps: ReplayStep[] = [];
  #state: PolicyState = INITIAL_STATE;
  /** When the wait is over that it would be in; null while it would be in none. */
  #due: number | null = null;
  #now: number = -Infinity;
  #since: number = 0;
  /** Whether it is known what the guest does; at first, it is not. */
  #isKnown: boolean = false;
  /** So many steps have come to their end. */
  #settled: number = 0;
  /** Whether the recorded supervisor is ending its QEMU. */
  #recordedEnding: boolean = false;
  /** Whether the recorded supervisor had preserved it. */
  #recordedHeld: boolean = false;
  /** What the other policy would have preserved it for; null where it would not have. */
  #heldFor: Incident["kind"] | null = null;

  /** @param policy The other policy. */
  constructor(policy: Policy) {
    this.#policy = policy;
  }

  get steps(): readonly ReplayStep[] {
    return this.#steps;
  }

  /** Where the other policy has the guest. */
  get phase(): Phase {
    return this.#state.phase;
  }

  /**
   * Takes in the next report.
   *
   * @param report The report, of this guest.
   */
  take(report: Report): void {
    // A clock that was set back stands still.
    const now = Math.max(this.#now, report.at.getTime());
    this.#now = now;
    this.#letWaitsEnd();
    if (!this.#isKnown) this.#begin(report, now);
    const incident = this.#isOwnDoing(report) ? null : incidentOf(report);
    if (report.kind === "ended") this.#recordedEnding = false;
    if (actionsOf(report).some(({ kind }) => ENDING.includes(kind))) this.#recordedEnding = true;
    if (incident === null) this.#takeDoing(report);
    else this.#takeIncident(report, incident);
    this.#follow(report);
    this.#note();
  }

  #takeIncident(report: Report, incident: Incident): void {
    const would = this.#meets(incident) ? [] : null;
    this.#note();
    const { at, vm } = report;
    const { cause = null, detail = null } = "verdict" in incident ? incident.verdict : {};
    this.#steps.push({
      at,
      vm,
      happened: { kind: incident.kind, cause, detail },
      did: [...actionsOf(report)],
      would,
      phase: this.#state.phase,
      since: at,
    });
    if (would !== null) this.#feed(incident);
  }

  /** What the recorded supervisor did; where it ended a QEMU and this policy would have as well, it took as long. */
  #takeDoing(report: Report): void {
    this.#step()?.did.push(...actionsOf(report));
    if (report.kind === "ended" && this.#state.phase === "stopping") this.#feed(QEMU_IS_GONE);
  }

  /** Says that reports are missing from here on: what became of the guest meanwhile is not known, so it is taken to live. */
  missed(): void {
    this.#isKnown = false;
  }

  /** A journal may begin in the middle of a life. */
  #begin({ kind }: Report, now: number): void {
    this.#isKnown = true;
    this.#settled = this.#steps.length;
    if (kind === "asked" || this.#isAlive()) return;
    const phase = kind === "started" || kind === "recalled" ? "starting" : "up";
    const { history } = this.#state;
    this.#state = { ...INITIAL_STATE, history, wanted: "up", phase, upSince: phase === "up" ? now : null };
    this.#since = now;
  }

  #isAlive(): boolean {
    return ["starting", "up", "unresponsive", "backoff"].includes(this.#state.phase);
  }

  #step(): ReplayStep | undefined {
    return this.#steps.at(-1);
  }

  /** Keeps the last step's outcome up to date, as long as it is known what followed from it. */
  #note(): void {
    const step = this.#step();
    if (step === undefined || this.#steps.length === this.#settled) return;
    step.phase = this.#state.phase;
    step.since = new Date(this.#since);
  }

  /** Whether this could have happened to the guest as the other policy has it; has it live, if so. */
  #meets(incident: Incident): boolean {
    switch (incident.kind) {
      case "start-asked":
      case "stop-asked":
      case "restart-asked":
      case "clear-asked":
        return true;
      case "ended":
        if (incident.verdict.cause === "launch-failed") return this.#isStarting();
        // Of a QEMU that was preserved, and may not be there any more.
        if (this.#recordedHeld) return this.#state.phase === "held";
        return this.#comesToLife();
      case "unstuck":
      case "reachable":
        // What did not answer and was preserved runs on; what was preserved at its end does not.
        return (this.#heldFor !== null && this.#heldFor !== "guest-ended") || this.#comesToLife();
      default:
        return this.#comesToLife();
    }
  }

  #isStarting(): boolean {
    if (this.#state.phase === "backoff" && this.#state.pending === "start") this.#feed({ kind: "wait-over" });
    return this.#state.phase === "starting";
  }

  /** Has it live now, at the latest, if it is going to. */
  #comesToLife(): boolean {
    if (this.#state.phase === "backoff") this.#feed({ kind: "wait-over" });
    if (this.#state.phase === "starting") this.#feed({ kind: "started" });
    const { phase } = this.#state;
    return phase === "up" || phase === "unresponsive" || (phase === "stopping" && this.#recordedEnding);
  }

  /** What the report says of the recorded guest besides: that it lives, or is held. */
  #follow(report: Report): void {
    const actions = actionsOf(report);
    const begins = report.kind === "started" || report.kind === "adopted" ||
      actions.some(({ kind }) => kind === "reset" || kind === "resume");
    const goesOn = this.#recordedHeld && report.kind === "event" && report.event.event === "RESUME";
    if (begins || goesOn) {
      if (this.#state.phase === "held") {
        // A person had it run on; for this policy it counts where there is something to run on.
        if (goesOn) this.#feed({ kind: "resumed" });
      } else {
        this.#comesToLife();
      }
      this.#recordedHeld = report.kind === "adopted" && report.guest === "held";
    }
    if (actions.some((action) => action.kind === "give-up" && action.why === "preserved")) {
      this.#recordedHeld = true;
    }
    if (report.kind === "ended") this.#recordedHeld = false;
  }

  /** Whether it was the supervisor that ended it. */
  #isOwnDoing(report: Report): boolean {
    if (report.kind !== "ended") return false;
    const { intent, cause } = report.verdict;
    return this.#recordedEnding || intent !== "none" || cause === "unresponsive";
  }

  #letWaitsEnd(): void {
    while (this.#due !== null && this.#due <= this.#now) this.#feed({ kind: "wait-over" }, this.#due);
  }

  /** Decides, and takes what was decided to have been done. */
  #feed(incident: Incident, now: number = this.#now): void {
    if (incident.kind === "wait-over") this.#due = null;
    const before = this.#state.phase;
    const { state, actions } = decide(this.#state, incident, { policy: this.#policy, now, random: 0.5 });
    this.#state = state;
    if (state.phase !== before) {
      this.#since = now;
      this.#heldFor = state.phase === "held" ? incident.kind : null;
    }
    this.#step()?.would?.push(...actions);
    for (const action of actions) this.#doneWith(action, now);
  }

  #doneWith(action: PolicyAction, now: number): void {
    switch (action.kind) {
      case "reset":
      case "resume":
        return this.#feed({ kind: "resumed" }, now);
      case "dump":
      case "follow-dump":
        return this.#feed({ kind: "dumped" }, now);
      case "wait":
        this.#due = now + action.delayMs;
        return;
      case "end-wait":
        this.#due = null;
        return;
      case "stop":
      case "clear-away":
      case "put-down":
        // What only this policy would have ended is gone at once; else it takes as long as it did.
        if (!this.#recordedEnding) this.#feed(QEMU_IS_GONE, now);
        return;
      case "start":
      case "give-up":
        return;
    }
  }
}

/** What ends a QEMU. */
const ENDING: readonly PolicyAction["kind"][] = ["stop", "clear-away", "put-down"];

/** The end that the policy itself asked for. */
const QEMU_IS_GONE: Incident = {
  kind: "ended",
  verdict: {
    cause: "host-quit",
    detail: "",
    at: new Date(0),
    process: "ended",
    exit: null,
    reason: null,
    tripleFault: null,
    intent: "stop",
    rung: null,
    stderrTail: "",
    oomKill: null,
    consoleTail: "",
    events: [],
  },
};

/** What happened to the guest; null for what its supervisor did, and for what changes nothing. */
function incidentOf(report: Report): Incident | null {
  switch (report.kind) {
    case "asked":
      return { kind: `${report.ask}-asked` };
    case "guest-ended":
    case "ended":
      return { kind: report.kind, verdict: report.verdict };
    case "stuck":
    case "unreachable":
      return { kind: report.kind };
    case "unstuck":
    case "reachable":
      return { kind: report.kind, guest: report.guest };
    default:
      return null;
  }
}

function actionsOf(report: Report): readonly PolicyAction[] {
  return "actions" in report ? report.actions : [];
}
