import { deadline } from "@std/async/deadline";
import type { AnyQmpEvent, EventStream } from "../../qmp/mod.ts";

/** How long a reply waits for the events before it to be shown; a flood of them has no end. */
const CATCH_UP_MS = 1000;

/** What a race is lost to by a promise that is not resolved yet. */
const NOTHING: Promise<undefined> = Promise.resolve(undefined);

/** Who gets events. */
export interface EventReader {
  /** An event; the next one comes when this is done. */
  event(event: AnyQmpEvent): Promise<void>;
  /** So many events were dropped since the last time, because the reader was too slow. */
  lagged(count: number): Promise<void>;
}

/**
 * Hands events to a reader one by one, and knows when it has handed over all that have come. An event that a command causes comes before the
 * command's reply, and is to be shown before it, however slow the reader is.
 */
export class EventPump implements Disposable {
  readonly #stream: EventStream<AnyQmpEvent>;
  /** Resolves when all that has come is handed over; null while that is so. */
  #busy: PromiseWithResolvers<void> | null = null;

  /** @param stream The events; the pump owns it from here on. */
  constructor(stream: EventStream<AnyQmpEvent>) {
    this.#stream = stream;
  }

  /**
   * Hands over events until their end, or until the disposal.
   *
   * @param reader Who gets them.
   */
  async run(reader: EventReader): Promise<void> {
    let missed = 0;
    try {
      for (;;) {
        this.#busy ??= Promise.withResolvers<void>();
        const next = this.#stream.next();
        if (await Promise.race([next, NOTHING]) === undefined) this.#rest();
        // Not `for await`: this continues before whoever waits for a reply that came after the event.
        const { value, done } = await next;
        if (done) return;
        this.#busy ??= Promise.withResolvers<void>();
        const count = this.#stream.lagged - missed;
        missed += count;
        if (count > 0) await reader.lagged(count);
        await reader.event(value);
      }
    } catch {
      // The connection failed; the client's `failure` says how.
    } finally {
      this.#rest();
    }
  }

  /** Waits until all events that have come are handed over; not for ever, if they never cease. */
  async caughtUp(): Promise<void> {
    if (this.#busy !== null) await deadline(this.#busy.promise, CATCH_UP_MS).catch(() => {});
  }

  /** Hands over no more. */
  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  #rest(): void {
    this.#busy?.resolve();
    this.#busy = null;
  }
}
