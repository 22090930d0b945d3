import { EventStream } from "./event_stream.ts";
import type { AnyQmpEvent } from "./message.ts";

/** How many events from before the first stream are kept for it. */
const EARLY_EVENTS = 1024;

interface Subscription {
  readonly names: ReadonlySet<string> | null;
  readonly stream: EventStream<AnyQmpEvent>;
}

/**
 * Who gets which events of a connection. Until somebody could have asked for them (by the first stream, or the first command, whose
 * own events are its caller's business) the last 1024 are kept, so that what came with the greeting is not lost.
 */
export class EventFanout {
  readonly #subscriptions = new Set<Subscription>();
  #early: AnyQmpEvent[] | null = [];
  #earlyDropped = 0;
  #end: { error: Error | null } | null = null;

  /** A stream of the events of these names from now on; of all events when there is none. */
  subscribe(names: readonly string[]): EventStream<AnyQmpEvent> {
    return this.#make(names, [], 0);
  }

  /** The same, but it begins with the events that were kept, if it is the first. */
  subscribeFirst(names: readonly string[]): EventStream<AnyQmpEvent> {
    const kept = this.#early;
    this.#early = null;
    return kept === null ? this.#make(names, [], 0) : this.#make(names, kept, this.#earlyDropped);
  }

  /** Keeps nothing any more for a first stream. */
  forgetEarly(): void {
    this.#early = null;
  }

  /** Hands an event to each stream that wants it. */
  deliver(event: AnyQmpEvent): void {
    for (const { names, stream } of this.#subscriptions) {
      if (names === null || names.has(event.event)) stream.push(event);
    }
    if (this.#early === null) return;
    this.#early.push(event);
    if (this.#early.length <= EARLY_EVENTS) return;
    this.#early.shift();
    this.#earlyDropped++;
  }

  /** Ends all streams, those still to come included: cleanly, or with an error. */
  end(error: Error | null): void {
    this.#end = { error };
    for (const { stream } of this.#subscriptions) stream.end(error ?? undefined);
    this.#subscriptions.clear();
  }

  #make(names: readonly string[], first: readonly AnyQmpEvent[], lagged: number): EventStream<AnyQmpEvent> {
    const subscription: Subscription = {
      names: names.length === 0 ? null : new Set(names),
      stream: new EventStream<AnyQmpEvent>({
        lagged,
        onDispose: () => this.#subscriptions.delete(subscription),
      }),
    };
    const { stream } = subscription;
    for (const event of first) {
      if (subscription.names === null || subscription.names.has(event.event)) stream.push(event);
    }
    if (this.#end) stream.end(this.#end.error ?? undefined);
    else this.#subscriptions.add(subscription);
    return stream;
  }
}
