import { type AnyQmpEvent, EventStream, type Logger, type QmpClient } from "../qmp/mod.ts";
import { heldEnd, type InProcessEnd, trackEnd } from "./end_tracker.ts";
import { isSameEvent } from "./evidence.ts";
import type { ResetLog } from "./reset_log.ts";
import {
  lastReset,
  NO_ENTRY,
  type ResetHabit,
  type ResetHistory,
  type ResetSeen,
  trackReset,
} from "./resets.ts";
import type { TripleFault, Verdict } from "./verdict_types.ts";

/** How long a stopped guest's run state is waited for, in milliseconds; then the events have to do. */
const RUN_STATE_MS = 5_000;

/** What the ends are found out with. */
export interface GuestEndsParts {
  name: string;
  qmp: QmpClient;
  resetLog: ResetLog | null;
  resetHabit: ResetHabit;
  logger: Logger;
  /** Makes the verdict on an end. */
  verdict(end: InProcessEnd, tripleFault: TripleFault | null, events: readonly AnyQmpEvent[]): Verdict;
}

/** What is known of a guest that was there before. */
export interface FoundGuest {
  /** The last events that were seen of it, oldest first. */
  events: readonly AnyQmpEvent[];
  /** The end at which QEMU holds it; null when it is not at its end. */
  held: FoundEnd | null;
}

/** The end at which a guest was found. */
export interface FoundEnd {
  end: InProcessEnd;
  /** Whether a triple fault was that end. */
  tripleFault: TripleFault | null;
  /** The last events up to it, oldest first. */
  events: readonly AnyQmpEvent[];
  /** Its STOP, if that is still to come among the events. */
  stop: AnyQmpEvent | null;
  /** Whether those who watch are told of it, as they are of an end that comes later. */
  tell: "yes" | "no";
}

/**
 * Watches one guest for ends that leave its process alive, and remembers the one that QEMU holds it at. Events are taken note of at
 * once; what has to be asked or read about them follows in their order.
 */
export class GuestEnds {
  readonly #parts: GuestEndsParts;
  readonly #streams = new Set<EventStream<Verdict>>();
  /** The end at which the guest was found: told to everybody, and not found out again when its STOP comes. */
  #foundEnd: { verdict: Verdict; stop: AnyQmpEvent | null } | null = null;
  #events: readonly AnyQmpEvent[] = [];
  #resets: ResetHistory = null;
  #held: Verdict | null = null;
  #whenHeld: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** Counts how often the guest went on, so that a late answer is not taken for its present state. */
  #wentOn = 0;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * @param parts What to ask and read.
   * @param found How the guest was found; null for one that was just started.
   */
  constructor(parts: GuestEndsParts, found: FoundGuest | null) {
    this.#parts = parts;
    if (found === null) return;
    this.#events = found.events;
    // The firmware may be about to repeat it.
    this.#resets = lastReset(found.events);
    if (found.held === null) return;
    const { end, tripleFault, events, stop, tell } = found.held;
    const verdict = parts.verdict(end, tripleFault, events);
    this.#hold(verdict);
    if (tell === "yes") this.#foundEnd = { verdict, stop };
  }

  /** The last events, oldest first. */
  get events(): readonly AnyQmpEvent[] {
    return this.#events;
  }

  /** The end at which QEMU holds the guest now; null while the guest is not at its end. */
  get held(): Verdict | null {
    return this.#held;
  }

  /** Resolves when the guest is held at its end; at once if it is. */
  get whenHeld(): Promise<void> {
    return this.#whenHeld.promise;
  }

  /** The ends from now on; before them the one at which the guest was found, if there was one to tell of. */
  stream(): EventStream<Verdict> {
    const stream: EventStream<Verdict> = new EventStream<Verdict>({
      onDispose: () => this.#streams.delete(stream),
    });
    if (this.#foundEnd) stream.push(this.#foundEnd.verdict);
    if (this.#closed) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Takes note of the next event. */
  onEvent(event: AnyQmpEvent): void {
    const { events, step } = trackEnd(this.#events, event);
    this.#events = events;
    if (event.event === "RESUME" || event.event === "RESET") this.#goOn();
    const found = this.#foundEnd;
    if (found?.stop && isSameEvent(event, found.stop)) return this.#hold(found.verdict);
    switch (step.kind) {
      case "none":
        return;
      case "ask-run-state": {
        const turn = this.#wentOn;
        return this.#next(() => this.#lookAtStop(events, turn));
      }
      case "reset":
        return this.#next(() => this.#lookAtReset(step.reset, events));
    }
  }

  /** Resolves when all that was seen so far has been looked into. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Ends all streams. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  async #lookAtStop(events: readonly AnyQmpEvent[], turn: number): Promise<void> {
    const held = heldEnd(await this.#runState(), events);
    if (held && turn === this.#wentOn) {
      const verdict = this.#parts.verdict(held, this.#heldTripleFault(held), events);
      if (turn === this.#wentOn) this.#hold(verdict);
      this.#tell(turn === this.#wentOn ? verdict : { ...verdict, process: "running" });
      return;
    }
    // Somebody was quicker and let the guest go on. It was an end all the same, if the events say so.
    const end = heldEnd(null, events);
    if (end === null) return;
    this.#tell(this.#parts.verdict({ ...end, process: "running" }, this.#heldTripleFault(end), events));
  }

  /** Null when it can't be had: the monitor is gone, or QEMU does not answer. */
  async #runState() {
    try {
      return (await this.#parts.qmp.execute("query-status", {}, { timeoutMs: RUN_STATE_MS })).status;
    } catch (error) {
      const { logger, name } = this.#parts;
      logger.debug("Could not ask for the run state of a stopped guest; its events have to do", {
        vm: name,
        error,
      });
      return null;
    }
  }

  async #lookAtReset(reset: ResetSeen, events: readonly AnyQmpEvent[]): Promise<void> {
    const { qmp, resetLog, resetHabit, verdict } = this.#parts;
    const entry = await resetLog?.takeReset(qmp) ?? NO_ENTRY;
    const { history, end } = trackReset(this.#resets, reset, entry, resetHabit);
    this.#resets = history;
    if (end) this.#tell(verdict(end, end.cause === "guest-reset" ? entry.tripleFault : null, events));
  }

  #heldTripleFault(end: InProcessEnd): TripleFault | null {
    if (end.cause !== "guest-reset" || end.reason !== "guest-reset") return null;
    return this.#parts.resetLog?.lookAtRest() ?? "unknown";
  }

  #next(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error) => {
      const { logger, name } = this.#parts;
      logger.warn("Could not look into the end of a guest", { vm: name, error });
    });
  }

  #tell(verdict: Verdict): void {
    for (const stream of this.#streams) stream.push(verdict);
  }

  #hold(verdict: Verdict): void {
    this.#held = verdict;
    this.#whenHeld.resolve();
  }

  #goOn(): void {
    this.#wentOn++;
    if (this.#held === null) return;
    this.#held = null;
    this.#whenHeld = Promise.withResolvers<void>();
  }
}
