import { type AnyQmpEvent, EventStream, type QmpClient } from "../qmp/mod.ts";

/** How many of the standby's events are remembered, for what the watch monitor lost when it went. */
const STANDBY_EVENTS = 64;

/**
 * The VM's events, from one monitor (`watch`) for everybody. A second one (`control`) stands by: should the first be
 * lost while QEMU lives, the second goes on where the first ended, with nothing missing and nothing twice.
 */
export class EventHub implements AsyncDisposable {
  readonly #streams = new Set<{ names: ReadonlySet<string> | null; stream: EventStream<AnyQmpEvent> }>();
  readonly #listener: (event: AnyQmpEvent) => void;
  readonly #pumps: Promise<void>[] = [];
  readonly #sources: EventStream<AnyQmpEvent>[] = [];
  /** The standby's last events while the first source lives; null once the standby has taken over. */
  #standby: AnyQmpEvent[] | null = [];
  #last: AnyQmpEvent | null = null;
  /** After a takeover: the event up to which the standby only repeats what was delivered. */
  #repeatsUpTo: AnyQmpEvent | null = null;
  #ended = false;

  /**
   * @param first The monitor whose events count.
   * @param standby The one that takes over; the same one when there is only one.
   * @param listener Called for each event before any stream has it.
   */
  constructor(first: QmpClient, standby: QmpClient, listener: (event: AnyQmpEvent) => void) {
    this.#listener = listener;
    const primary = first.events();
    this.#sources.push(primary);
    if (standby === first) {
      this.#pumps.push(this.#pump(primary, (event) => this.#deliver(event)));
      return;
    }
    const second = standby.events();
    this.#sources.push(second);
    this.#pumps.push(this.#pump(primary, (event) => this.#deliver(event)).then(() => this.#takeOver()));
    this.#pumps.push(this.#pump(second, (event) => this.#fromStandby(event)));
  }

  /** Resolves when both monitors have ended: every event that QEMU sent has then been delivered. */
  async drained(): Promise<void> {
    await Promise.all(this.#pumps);
  }

  /** The events of these names from now on; all of them when there is none. */
  events(names: readonly string[]): EventStream<AnyQmpEvent> {
    const entry = {
      names: names.length === 0 ? null : new Set(names),
      stream: new EventStream<AnyQmpEvent>({ onDispose: () => this.#streams.delete(entry) }),
    };
    if (this.#ended) entry.stream.end();
    else this.#streams.add(entry);
    return entry.stream;
  }

  /** Ends all streams. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    for (const source of this.#sources) source[Symbol.dispose]();
    await this.drained();
    for (const { stream } of this.#streams) stream.end();
    this.#streams.clear();
  }

  async #pump(source: EventStream<AnyQmpEvent>, deliver: (event: AnyQmpEvent) => void): Promise<void> {
    // Whoever has just been given the VM can open a stream before anything is delivered, so that not one event is missed.
    await new Promise((resolve) => setTimeout(resolve, 0));
    try {
      for await (const event of source) deliver(event);
    } catch {
      // The monitor's own error; its owner reports it. Here it only means that this source has ended.
    }
  }

  #fromStandby(event: AnyQmpEvent): void {
    if (this.#standby !== null) {
      this.#standby.push(event);
      if (this.#standby.length > STANDBY_EVENTS) this.#standby.shift();
      return;
    }
    const last = this.#repeatsUpTo;
    if (last !== null) {
      if (isSame(event, last)) this.#repeatsUpTo = null;
      if (!isLater(event, last)) return;
      this.#repeatsUpTo = null;
    }
    this.#deliver(event);
  }

  /** Every monitor has the same events, with the same time stamps: what comes after the last delivered one was missed. */
  #takeOver(): void {
    const seen = this.#standby ?? [];
    this.#standby = null;
    this.#repeatsUpTo = this.#last;
    for (const event of seen) this.#fromStandby(event);
  }

  #deliver(event: AnyQmpEvent): void {
    this.#last = event;
    this.#listener(event);
    for (const { names, stream } of this.#streams) {
      if (names === null || names.has(event.event)) stream.push(event);
    }
  }
}

function isSame(a: AnyQmpEvent, b: AnyQmpEvent): boolean {
  return a.event === b.event && a.timestamp.seconds === b.timestamp.seconds &&
    a.timestamp.microseconds === b.timestamp.microseconds;
}

function isLater(a: AnyQmpEvent, b: AnyQmpEvent): boolean {
  const seconds = a.timestamp.seconds - b.timestamp.seconds;
  return seconds > 0 || (seconds === 0 && a.timestamp.microseconds > b.timestamp.microseconds);
}
