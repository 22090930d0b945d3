import { assert, assertEquals } from "@std/assert";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import {
  decide,
  type Incident,
  INITIAL_STATE,
  type Phase,
  type PolicyAction,
  type PolicyState,
} from "../../../src/supervisor/policy.ts";
import type { Policy } from "../../../src/supervisor/spec.ts";
import { verdict } from "./_policy.ts";

/** What happens next to one guest. Where it makes no sense in the world as it is, nothing happens. */
export type Happening =
  | { kind: "asked"; ask: "start" | "stop" | "restart" }
  /** What is under way comes to its end: a launch, a stop. */
  | { kind: "done" }
  /** It comes to the other end: the launch fails, QEMU breaks off what it was told to do. */
  | { kind: "failed" }
  | { kind: "guest-ended"; cause: VerdictCause }
  | { kind: "rebooted" }
  | { kind: "died"; cause: VerdictCause }
  /** A person at a monitor lets a held guest run. */
  | { kind: "resumed" };

type Qemu = "none" | "launching" | "running" | "held";

/** Which QEMU each phase is about. Only while it is being stopped can it be any. */
const QEMU_OF: Record<Exclude<Phase, "stopping" | "backoff">, Qemu> = {
  "down": "none",
  "failed": "none",
  "starting": "launching",
  "up": "running",
  "held": "held",
};

/**
 * One guest, its QEMU and a clock, all of them values: it does what the policy says, and checks at each step that this can be done
 * and keeps what is promised.
 */
export class World {
  state: PolicyState = INITIAL_STATE;
  nowMs = 0;
  /** Every decision, with what was done about it. */
  readonly log: {
    nowMs: number;
    incident: Incident["kind"];
    actions: readonly PolicyAction[];
    phase: Phase;
  }[] = [];
  readonly #policy: Policy;
  #qemu: Qemu = "none";
  #ending: "no" | "yes" = "no";
  #inPlace: "none" | "under-way" = "none";
  #timerMs: number | null = null;
  /** The operator's last word was stop, and nobody has asked for anything since. */
  #stopped: "yes" | "no" = "no";

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** Lets time pass; a wait that ends meanwhile is over at its time. */
  pass(ms: number, random: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#timerMs !== null && this.#timerMs <= untilMs) {
      this.nowMs = this.#timerMs;
      this.#timerMs = null;
      this.#decide({ kind: "wait-over" }, random);
    }
    this.nowMs = untilMs;
  }

  /** Lets something happen. */
  happen(happening: Happening, random: number): void {
    const incident = this.#incidentOf(happening);
    if (incident) this.#decide(incident, random);
  }

  /** Lets everything come to its end that is under way, so that nothing more happens by itself. */
  settle(random: number): void {
    for (
      let steps = 0;
      this.#timerMs !== null || this.#qemu === "launching" || this.#ending === "yes";
      steps++
    ) {
      assert(steps < 1_000, "It never comes to rest");
      if (this.#timerMs !== null) this.pass(this.#timerMs - this.nowMs, random);
      else this.happen({ kind: "done" }, random);
    }
  }

  #incidentOf(happening: Happening): Incident | null {
    switch (happening.kind) {
      case "asked":
        this.#stopped = happening.ask === "stop" ? "yes" : "no";
        return { kind: `${happening.ask}-asked` };
      case "done":
        this.#inPlace = "none";
        if (this.#ending === "yes" && this.#qemu !== "none") return this.#gone("host-quit");
        if (this.#qemu !== "launching") return null;
        this.#qemu = "running";
        return { kind: "started" };
      case "failed":
        if (this.#inPlace === "under-way") {
          this.#inPlace = "none";
          return { kind: "action-failed" };
        }
        // A launch that was given up may have been quicker.
        if (this.#qemu === "launching" && this.#ending === "yes") {
          this.#qemu = "running";
          this.#ending = "no";
          return { kind: "started" };
        }
        return this.#qemu === "launching" ? this.#gone("launch-failed") : null;
      case "guest-ended":
        if (this.#qemu !== "running") return null;
        this.#qemu = "held";
        return { kind: "guest-ended", verdict: verdict(happening.cause, { process: "held" }) };
      case "rebooted":
        if (this.#qemu !== "running") return null;
        return { kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) };
      case "died":
        return this.#qemu === "running" || this.#qemu === "held" ? this.#gone(happening.cause) : null;
      case "resumed":
        if (this.#qemu !== "held" || this.#ending === "yes") return null;
        this.#qemu = "running";
        return { kind: "resumed" };
    }
  }

  #gone(cause: VerdictCause): Incident {
    this.#qemu = "none";
    this.#ending = "no";
    this.#inPlace = "none";
    return { kind: "ended", verdict: verdict(cause) };
  }

  #decide(incident: Incident, random: number): void {
    const before = this.state;
    const { state, actions } = decide(before, incident, { policy: this.#policy, now: this.nowMs, random });
    this.state = state;
    this.log.push({ nowMs: this.nowMs, incident: incident.kind, actions, phase: state.phase });
    const said = `${before.phase} + ${incident.kind} -> ${state.phase} [${
      actions.map((action) => action.kind)
    }]`;
    for (const action of actions) this.#carryOut(action, said);
    this.#check(said);
  }

  #carryOut(action: PolicyAction, said: string): void {
    if (["start", "reset", "resume"].includes(action.kind)) {
      assertEquals(this.#stopped, "no", `Stop lost: ${said}`);
    }
    switch (action.kind) {
      case "start":
        assertEquals(this.#qemu, "none", `A second QEMU: ${said}`);
        this.#qemu = "launching";
        break;
      case "stop":
      case "clear-away":
        assert(this.#qemu !== "none", `Nothing to stop: ${said}`);
        this.#ending = "yes";
        break;
      case "reset":
      case "resume":
        assertEquals(this.#qemu, "held", `Nothing is held: ${said}`);
        this.#qemu = "running";
        this.#inPlace = "under-way";
        break;
      case "wait":
        assertEquals(this.#timerMs, null, `A second wait: ${said}`);
        assert(
          action.delayMs > 0 && action.delayMs <= this.#policy.backoff.maxMs,
          `Wait out of range: ${said}`,
        );
        this.#timerMs = this.nowMs + action.delayMs;
        break;
      case "end-wait":
        assert(this.#timerMs !== null, `No wait to end: ${said}`);
        this.#timerMs = null;
        break;
      case "give-up":
        break;
    }
  }

  #check(said: string): void {
    const { phase, pending, wanted, upSince, history, after } = this.state;
    if (phase === "backoff") assertEquals(this.#qemu, pending === "start" ? "none" : "held", said);
    else if (phase === "stopping") assert(this.#qemu !== "none" && this.#ending === "yes", said);
    else assertEquals(this.#qemu, QEMU_OF[phase], said);
    assertEquals(
      this.#timerMs !== null,
      phase === "backoff",
      `Waiting in no wait, or the other way round: ${said}`,
    );
    assertEquals(upSince !== null, phase === "up", said);
    if (wanted === "down") assert(phase === "down" || phase === "stopping", said);
    if (phase !== "stopping") assertEquals(after.kind, "nothing", said);
    if (this.#stopped === "yes") assert(phase === "down" || phase === "stopping", `Stop lost: ${said}`);
    assert(history.times.length <= this.#policy.limit.restarts, said);
  }
}
