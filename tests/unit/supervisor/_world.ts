import { assert, assertEquals } from "@std/assert";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import { catchUp, type Found, resumeAfterDeath } from "../../../src/supervisor/after_death.ts";
import type { GuestNow } from "../../../src/supervisor/incident.ts";
import { parsePersistedState, persistState, restoreState } from "../../../src/supervisor/persist_state.ts";
import {
  decide,
  type Decision,
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
  | { kind: "asked"; ask: "start" | "stop" | "restart" | "clear" }
  /** What is under way comes to its end: a launch, a stop, a dump. */
  | { kind: "done" }
  /** It comes to the other end: the launch fails, QEMU breaks off what it was told to do. */
  | { kind: "failed" }
  | { kind: "guest-ended"; cause: VerdictCause }
  | { kind: "rebooted" }
  /** An operator's reset that QEMU holds. */
  | { kind: "host-reset" }
  | { kind: "died"; cause: VerdictCause }
  /** A person at a monitor lets a held guest run. */
  | { kind: "resumed" }
  /** QEMU does not answer any more; it does again. */
  | { kind: "stuck" }
  | { kind: "unstuck" }
  /** Its monitors are lost; they can be connected again. */
  | { kind: "lost" }
  | { kind: "back" }
  /** What could not be verified can be. */
  | { kind: "verified" };

/** A death of the supervisor, and what happens until the next one is there. */
export interface Death {
  /** Before the decision is written down, or after so many of its actions. */
  at: "before-write" | number;
  /** The last of these actions, where it is a reset, was only half done. */
  half: boolean;
  awayMs: number;
  /** How far the wall clock is set back meanwhile. */
  backMs: number;
  meanwhile: readonly ("guest-ended" | "died" | "resumed" | "lost" | "stuck")[];
  /** What becomes of a launch that is under way. */
  launch: "prelaunch" | "gone";
  verified: boolean;
}

type Qemu = "none" | "launching" | "prelaunch" | "running" | "held";

/** Which QEMU each phase may be about. */
const QEMU_OF: Record<Phase, readonly Qemu[]> = {
  "down": ["none"],
  "failed": ["none"],
  "starting": ["launching"],
  "up": ["running"],
  "unresponsive": ["prelaunch", "running", "held"],
  "dumping": ["held"],
  // One that was preserved because it did not answer may do anything.
  "held": ["held", "running", "prelaunch"],
  "stopping": ["launching", "prelaunch", "running", "held"],
  "backoff": ["none", "held"],
  "unverified": ["none", "prelaunch", "running", "held"],
};

const OPERATOR: readonly string[] = ["start-asked", "stop-asked", "restart-asked", "clear-asked"];

/** What was decided about one incident. */
export interface Step {
  nowMs: number;
  incident: Incident["kind"] | "found";
  actions: readonly PolicyAction[];
  phase: Phase;
}

/**
 * One guest, its QEMU, two clocks and a supervisor that may die, all of them values: it does what the policy says, and checks at each
 * step that this can be done and keeps what is promised.
 */
export class World {
  state: PolicyState = INITIAL_STATE;
  /** The time that has really passed. */
  nowMs = 0;
  /** Every decision that was written down. */
  readonly log: Step[] = [];
  /** When the policy gave the guest another life; a new list each time an operator asked for one. */
  readonly lives: number[][] = [[]];
  readonly #policy: Policy;
  /** Where the clock that decisions go by began, and how far the wall clock was set back. */
  #beganMs = 0;
  #backMs = 0;
  #written: string;
  #qemu: Qemu = "none";
  #ending: "no" | "yes" = "no";
  #inPlace: "none" | "under-way" = "none";
  #dump: "none" | "under-way" = "none";
  #stuck: "no" | "yes" = "no";
  #monitors: "connected" | "lost" = "connected";
  /** The last decision in a line. */
  #said = "the beginning";
  /** Why it is held, or why it is gone. */
  #cause: VerdictCause = "lost";
  /** Whether the launch that was decided about last was begun. */
  #launch: "no" | "yes" = "no";
  #timerMs: number | null = null;
  /** Before that no other life may begin by itself. */
  #notBeforeMs = 0;
  /** What QEMU wrote down of the guest's life that nobody has decided about. */
  #recorded: Incident[] = [];
  /** The operator's last word was stop, and nobody has asked for anything since. */
  #stopped: "yes" | "no" = "no";

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#written = this.#write();
  }

  /** The time by the clock that decisions go by. */
  get monoMs(): number {
    return this.nowMs - this.#beganMs;
  }

  /** Lets time pass; a wait that ends meanwhile is over at its time. */
  pass(ms: number, random: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#timerMs !== null && this.#timerMs <= untilMs) {
      this.nowMs = this.#timerMs;
      this.#timerMs = null;
      this.#tell({ kind: "wait-over" }, random, null);
      this.#check();
    }
    this.nowMs = untilMs;
  }

  /** Lets something happen, and its supervisor die of it. */
  happen(happening: Happening, random: number, death: Death | null = null): void {
    if (happening.kind === "verified") return this.#verify(random);
    const heard = happening.kind === "asked" ? [] : this.#heard();
    const incidents = [...heard, ...this.#incidentsOf(happening)];
    for (const [index, incident] of incidents.entries()) {
      // Of something that is in no place that could be seen, nothing is heard.
      if (this.state.phase === "unverified" && !OPERATOR.includes(incident.kind)) break;
      this.#tell(incident, random, index === incidents.length - 1 ? death : null);
    }
    this.#check();
  }

  /** Lets everything come to its end that is under way, so that nothing more happens by itself. */
  settle(random: number): void {
    for (let steps = 0; this.#isUnderWay(); steps++) {
      assert(steps < 1_000, "It never comes to rest");
      if (this.#timerMs !== null) this.pass(this.#timerMs - this.nowMs, random);
      else this.happen({ kind: this.state.phase === "unverified" ? "verified" : "done" }, random);
    }
  }

  #isUnderWay(): boolean {
    return this.#timerMs !== null || this.#qemu === "launching" || this.#ending === "yes" ||
      this.#inPlace === "under-way" || this.#dump === "under-way" || this.state.phase === "unverified";
  }

  /** What QEMU has said by now; whatever it says is heard in order. */
  #heard(): Incident[] {
    const unheard = this.#stuck === "yes" || this.#monitors === "lost" || this.state.phase === "unverified";
    return unheard || this.#qemu === "none" ? [] : this.#recorded.splice(0);
  }

  #incidentsOf(happening: Exclude<Happening, { kind: "verified" }>): Incident[] {
    const answers = this.#stuck === "no" && this.#monitors === "connected";
    switch (happening.kind) {
      case "asked":
        return [{ kind: `${happening.ask}-asked` }];
      case "done":
        return this.#done();
      case "failed":
        return this.#failed();
      case "guest-ended":
        if (this.#qemu !== "running" || this.#stuck === "yes") return [];
        this.#hold(happening.cause);
        return answers ? [this.#guestEnded()] : [];
      case "rebooted":
        if (this.#qemu !== "running" || !answers) return [];
        return [{ kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) }];
      case "host-reset": {
        if (this.#qemu !== "running" || !answers) return [];
        this.#hold("guest-reset");
        this.#notBeforeMs = 0;
        const reason = "host-qmp-system-reset";
        return [{ kind: "guest-ended", verdict: verdict("guest-reset", { process: "held", reason }) }];
      }
      case "died":
        return this.#qemu === "none" || this.#qemu === "launching" ? [] : [this.#gone(happening.cause)];
      case "resumed":
        // A person, too, is refused while a dump is under way.
        if (this.#qemu !== "held" || this.#ending === "yes" || this.#dump === "under-way" || !answers) {
          return [];
        }
        this.#qemu = "running";
        return [{ kind: "resumed" }];
      case "stuck":
        if (this.#qemu === "none" || this.#qemu === "launching") return [];
        this.#stuck = "yes";
        return [{ kind: "stuck" }];
      case "unstuck":
        return this.#unstuck();
      case "lost":
        if (this.#qemu === "none" || this.#qemu === "launching" || this.#monitors === "lost") return [];
        this.#monitors = "lost";
        // Whether it was heard, nobody knows.
        this.#inPlace = "none";
        return [{ kind: "unreachable" }];
      case "back":
        return this.#back();
    }
  }

  #done(): Incident[] {
    if (this.#inPlace === "under-way" && this.#qemu !== "running") return this.#failed();
    this.#inPlace = "none";
    if (this.#ending === "yes" && this.#qemu !== "none") return [this.#gone("host-quit")];
    if (this.#dump === "under-way") {
      this.#dump = "none";
      return [{ kind: this.#stuck === "no" && this.#monitors === "connected" ? "dumped" : "dump-failed" }];
    }
    if (this.#qemu !== "launching") return [];
    this.#qemu = "running";
    return [{ kind: "started" }];
  }

  #failed(): Incident[] {
    if (this.#inPlace === "under-way") {
      this.#inPlace = "none";
      return [{ kind: "action-failed" }];
    }
    if (this.#dump === "under-way") {
      this.#dump = "none";
      return [{ kind: "dump-failed" }];
    }
    // A launch that was given up may have been quicker.
    if (this.#qemu === "launching" && this.#ending === "yes") {
      this.#qemu = "running";
      this.#ending = "no";
      return [{ kind: "started" }];
    }
    return this.#qemu === "launching" ? [this.#gone("launch-failed")] : [];
  }

  #unstuck(): Incident[] {
    if (this.#stuck === "no") return [];
    this.#stuck = "no";
    if (this.#qemu === "running") this.#inPlace = "none";
    if (this.#monitors === "lost") return this.#back();
    return [{ kind: "unstuck", guest: this.#guestNow() }];
  }

  #back(): Incident[] {
    if (this.#monitors === "connected" || this.#stuck === "yes") return [];
    this.#monitors = "connected";
    const reachable: Incident = { kind: "reachable", guest: this.#guestNow() };
    const end = this.#qemu === "held" ? [this.#guestEnded()] : [];
    return [...this.#heard(), reachable, ...end];
  }

  #guestNow(): GuestNow {
    return this.#qemu === "held" || this.#qemu === "prelaunch" ? this.#qemu : "running";
  }

  #hold(cause: VerdictCause): void {
    this.#qemu = "held";
    this.#cause = cause;
    this.#inPlace = "none";
  }

  #guestEnded(): Incident {
    return { kind: "guest-ended", verdict: verdict(this.#cause, { process: "held" }) };
  }

  #gone(cause: VerdictCause): Incident {
    this.#qemu = "none";
    this.#cause = cause;
    this.#ending = "no";
    this.#inPlace = "none";
    this.#dump = "none";
    this.#stuck = "no";
    this.#monitors = "connected";
    return { kind: "ended", verdict: verdict(cause) };
  }

  #tell(incident: Incident, random: number, death: Death | null): void {
    const circumstances = { policy: this.#policy, now: this.monoMs, random };
    if (death?.at === "before-write") {
      if (incident.kind === "resumed") this.#recorded.unshift(incident);
      return this.#die(death, random);
    }
    this.#follow(incident.kind, decide(this.state, incident, circumstances), death);
    if (death !== null) this.#die(death, random);
  }

  #follow(incident: Step["incident"], { state, actions }: Decision, death: Death | null = null): void {
    const before = this.state;
    if (OPERATOR.includes(incident) && incident !== "clear-asked") {
      this.#stopped = incident === "stop-asked" ? "yes" : "no";
    }
    // Who asks for something, or does it, need not wait.
    if (OPERATOR.includes(incident) || incident === "resumed") this.#notBeforeMs = 0;
    const byOperator = OPERATOR.includes(incident) || before.after.kind === "start" ||
      isStartAfterDump(before);
    this.state = state;
    this.#written = this.#write();
    if (actions.some(({ kind }) => kind === "start")) this.#launch = "no";
    this.log.push({ nowMs: this.nowMs, incident, actions, phase: state.phase });
    const said = `${before.phase} + ${incident} -> ${state.phase} [${actions.map(({ kind }) => kind)}]`;
    const carried = death === null ? actions : actions.slice(0, Number(death.at));
    for (const action of carried) this.#carryOut(action, byOperator, said);
    this.#said = said;
  }

  #write(): string {
    return JSON.stringify(persistState(this.state, this.monoMs, this.#wallMs()));
  }

  #wallMs(): number {
    return 1_800_000_000_000 + this.nowMs - this.#backMs;
  }

  #carryOut(action: PolicyAction, byOperator: boolean, said: string): void {
    assert(this.state.phase !== "unverified" || action.kind === "give-up", `Hands off: ${said}`);
    if (["start", "reset", "resume"].includes(action.kind)) {
      assertEquals(this.#stopped, "no", `Stop lost: ${said}`);
    }
    switch (action.kind) {
      case "start":
        assertEquals(this.#qemu, "none", `A second QEMU: ${said}`);
        this.#qemu = "launching";
        this.#recorded = [];
        this.#launch = "yes";
        this.#begin(byOperator, said);
        break;
      case "stop":
      case "clear-away":
      case "put-down":
        assert(this.#qemu !== "none", `Nothing to stop: ${said}`);
        this.#ending = "yes";
        break;
      case "reset":
      case "resume":
        assert(this.#qemu === "held" || this.#qemu === "prelaunch", `Nothing is held: ${said}`);
        assertEquals(this.#dump, "none", `QEMU refuses that in a dump: ${said}`);
        this.#inPlace = "under-way";
        // Nobody hears it.
        if (this.#monitors === "lost" || this.#stuck === "yes") break;
        // One that was launched or reset already has begun its life then.
        if (this.#qemu === "held") this.#begin(byOperator, said);
        this.#qemu = "running";
        this.#recorded.push({ kind: "resumed" });
        break;
      case "dump":
      case "follow-dump":
        assertEquals(this.#qemu, "held", `Nothing is held: ${said}`);
        this.#dump = "under-way";
        break;
      case "wait":
        this.#wait(action.delayMs, said);
        break;
      case "end-wait":
        assert(this.#timerMs !== null, `No wait to end: ${said}`);
        this.#timerMs = null;
        break;
      case "give-up":
        break;
    }
  }

  #begin(byOperator: boolean, said: string): void {
    if (byOperator) {
      this.lives.push([]);
      return;
    }
    // Half a millisecond is what the file's numbers are good for.
    assert(this.nowMs >= this.#notBeforeMs - 0.5, `Too early: ${said}`);
    this.lives.at(-1)?.push(this.nowMs);
  }

  #wait(delayMs: number, said: string): void {
    assertEquals(this.#timerMs, null, `A second wait: ${said}`);
    const isBackoff = this.state.phase === "backoff";
    const { backoff, onUnreachable } = this.#policy;
    const mostMs = isBackoff ? backoff.maxMs : onUnreachable.graceMs;
    assert(delayMs > 0 && delayMs <= mostMs, `Wait out of range: ${said}`);
    this.#timerMs = this.nowMs + delayMs;
    if (isBackoff) this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#timerMs);
  }

  #die(death: Death, random: number): void {
    this.#timerMs = null;
    this.#ending = "no";
    // A reset is two commands; after the second one it is heard.
    if (
      death.half && this.#inPlace === "under-way" && this.#qemu === "running" && this.#recorded.length > 0
    ) {
      this.#qemu = "prelaunch";
      this.#recorded = [];
    }
    this.#inPlace = "none";
    if (this.#qemu === "launching") {
      if (death.launch === "gone") this.#gone("launch-failed");
      else this.#qemu = "prelaunch";
    }
    for (const what of death.meanwhile) {
      this.nowMs += death.awayMs / death.meanwhile.length;
      this.#meanwhile(what);
    }
    if (death.meanwhile.length === 0) this.nowMs += death.awayMs;
    this.#backMs += death.backMs;
    this.#comeBack(death.verified, random);
  }

  /** What happens while no supervisor is there to see it. */
  #meanwhile(what: Death["meanwhile"][number]): void {
    switch (what) {
      case "guest-ended":
        if (this.#qemu === "running" && this.#stuck === "no") this.#hold("guest-panic");
        break;
      case "died":
        if (this.#qemu !== "none") this.#gone("killed");
        break;
      case "resumed":
        if (this.#qemu !== "held" || this.#stuck === "yes" || this.#dump === "under-way") break;
        this.#qemu = "running";
        this.#notBeforeMs = 0;
        this.#recorded.push({ kind: "resumed" });
        break;
      case "lost":
        if (this.#qemu !== "none") this.#monitors = "lost";
        break;
      case "stuck":
        if (this.#qemu !== "none") this.#stuck = "yes";
        break;
    }
  }

  /** A new supervisor, with a clock that began anew. */
  #comeBack(verified: boolean, random: number): void {
    this.#beganMs = this.nowMs - Math.floor(random * 1_000);
    const kept = parsePersistedState(JSON.parse(this.#written));
    this.state = restoreState(kept, this.monoMs, this.#wallMs());
    this.#resume(verified ? this.#found() : { kind: "unverifiable" }, random);
  }

  #verify(random: number): void {
    if (this.state.phase !== "unverified") return;
    this.#resume(this.#found(), random);
    this.#check();
  }

  #resume(found: Found, random: number): void {
    // Only what is known to be ours says something about it.
    const recorded = found.kind === "unverifiable" ? [] : this.#recorded.splice(0);
    this.state = catchUp(this.state, recorded.map(() => ({ event: "RESUME" })), this.#circumstances(random));
    // From here on it is only heard of again when it answers.
    if (found.kind === "stuck" || found.kind === "silent") this.#monitors = "lost";
    this.#follow("found", resumeAfterDeath(this.state, found, this.#circumstances(random)));
  }

  #circumstances(random: number): Parameters<typeof decide>[2] {
    return { policy: this.#policy, now: this.monoMs, random };
  }

  #found(): Found {
    if (this.#qemu === "none") {
      const never = this.state.phase === "starting" && this.#launch === "no";
      return { kind: "gone", verdict: never ? null : verdict(this.#cause) };
    }
    if (this.#stuck === "yes") return { kind: "stuck" };
    if (this.#monitors === "lost") return { kind: "silent" };
    switch (this.#qemu) {
      case "held":
        return { kind: "held", verdict: verdict(this.#cause, { process: "held" }) };
      case "prelaunch":
      case "launching":
        return { kind: "prelaunch" };
      case "running":
        return { kind: "running" };
    }
  }

  #check(): void {
    const said = this.#said;
    const { phase, pending, wanted, upSince, history, after, begun } = this.state;
    const unheard = phase === "up" && this.#inPlace === "under-way";
    assert(unheard || QEMU_OF[phase].includes(this.#qemu), `${said}, while QEMU is ${this.#qemu}`);
    if (phase === "backoff") assertEquals(this.#qemu, pending === "start" ? "none" : "held", said);
    assertEquals(
      phase === "stopping",
      this.#ending === "yes",
      `${said}, while QEMU is ending: ${this.#ending}`,
    );
    assertEquals(
      this.#timerMs !== null,
      phase === "backoff" || (phase === "unresponsive" && pending === "answer"),
      `Waiting in no wait, or the other way round: ${said}`,
    );
    const unseen = phase === "unresponsive" || phase === "unverified";
    if (phase === "up") assert(upSince !== null, said);
    else if (!unseen) assertEquals(upSince, null, said);
    if (wanted === "down") assert(["down", "stopping", "unverified"].includes(phase), said);
    if (phase !== "stopping") assertEquals(after.kind, "nothing", said);
    if (phase === "dumping") assertEquals(begun?.kind, "dump", said);
    else if (phase === "up") assert(begun?.kind !== "dump", said);
    else if (!unseen) assertEquals(begun, null, said);
    if (this.#stopped === "yes") {
      assert(["down", "stopping", "unverified"].includes(phase), `Stop lost: ${said}`);
    }
    assert(history.times.length <= this.#policy.limit.restarts, said);
  }
}

function isStartAfterDump({ begun }: PolicyState): boolean {
  return begun?.kind === "dump" && begun.then.kind === "start";
}
