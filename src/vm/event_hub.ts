import { type AnyQmpEvent, EventStream } from "../qmp/mod.ts";
import { isLaterEvent, isSameEvent } from "./evidence.ts";
import { nextTurn } from "./waiting.ts";

/** How many of the standby's events are remembered, for what the first monitor lost when it went: more than one read brings. */
const STANDBY_EVENTS = 1024;

/** Where events come from; whoever takes it disposes of it. */
export type EventSource = AsyncIterable<AnyQmpEvent> & Disposable;

/**
 * The VM's events, from one monitor (`watch`) for everybody. A second one (`control`) stands by: should the first be
 * lost while QEMU lives, the second goes on where the first ended, with nothing missing and nothing twice.
 */
export class EventHub implements AsyncDisposable {
  readonly #streams = new Set<{ names: ReadonlySet<string> | null; stream: EventStream<AnyQmpEvent> }>();
  readonly #listener: (event: AnyQmpEvent) => void;
  readonly #pumps: Promise<unknown>;
  readonly #sources: readonly EventSource[];
  /** The standby's last events while the first source lives; null once the standby has taken over. */
  #standby: AnyQmpEvent[] | null = [];
  #last: AnyQmpEvent | null;
  /** After a takeover: the event up to which the standby only repeats what was delivered. */
  #repeatsUpTo: AnyQmpEvent | null = null;
  #ended = false;

  /**
   * @param first The events that count; the hub disposes of the stream.
   * @param standby The same events from another monitor, which takes over; null when there is none.
   * @param listener Called for each event before any stream has it.
   * @param last The last event that was seen before, if there was one.
   */
  constructor(
    first: EventSource,
    standby: EventSource | null,
    listener: (event: AnyQmpEvent) => void,
    last: AnyQmpEvent | null = null,
  ) {
    this.#listener = listener;
    this.#last = last;
    this.#sources = standby === null ? [first] : [first, standby];
    // Whoever has just been given the VM can open a stream before anything is delivered, so that not one event is missed.
    this.#pumps = nextTurn().then(async () => {
      await Promise.all([
        this.#pump(first, (event) => this.#deliver(event)).then(() => this.#takeOver()),
        standby && this.#pump(standby, (event) => this.#fromStandby(event)),
      ]);
    });
  }

  /** Resolves when both monitors have ended: every event that QEMU sent has then been delivered. */
  async drained(): Promise<void> {
    await this.#pumps;
  }

  /**
   * Gives up the monitors, and delivers what they did not: where both were lost before QEMU ended.
   *
   * @param read Reads the events after the last one that was delivered.
   */
  async catchUp(read: (last: AnyQmpEvent | null) => Promise<readonly AnyQmpEvent[]>): Promise<void> {
    for (const source of this.#sources) source[Symbol.dispose]();
    await this.#pumps;
    for (const event of await read(this.#last)) this.#deliver(event);
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
    await this.#pumps;
    for (const { stream } of this.#streams) stream.end();
    this.#streams.clear();
  }

  async #pump(source: EventSource, deliver: (event: AnyQmpEvent) => void): Promise<void> {
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
      if (isSameEvent(event, last)) this.#repeatsUpTo = null;
      if (!isLaterEvent(event, last)) return;
      this.#repeatsUpTo = null;
    }
    this.#deliver(event);
  }

  /**
   * Every monitor has the same events in the same order, with the same time stamps: what comes after the last delivered one was
   * missed. The stamps' own order counts only where that one is not found, since the host's clock may be set back.
   */
  #takeOver(): void {
    const seen = this.#standby ?? [];
    const last = this.#last;
    this.#standby = null;
    const at = last === null ? -1 : seen.findLastIndex((event) => isSameEvent(event, last));
    this.#repeatsUpTo = at < 0 ? last : null;
    for (const event of seen.slice(at + 1)) this.#fromStandby(event);
  }

  #deliver(event: AnyQmpEvent): void {
    this.#last = event;
    this.#listener(event);
    for (const { names, stream } of this.#streams) {
      if (names === null || names.has(event.event)) stream.push(event);
    }
  }
}
