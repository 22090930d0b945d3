import type { AnyQmpEvent, EventStream } from "../qmp/mod.ts";
import { isSameEvent } from "./evidence.ts";

/**
 * The events of a QEMU that was there before: those of its recording that nobody has seen, then those of a monitor. What came while both were
 * listening is in both, in the same order, and is given once.
 */
export class ReplayedEvents implements Disposable {
  readonly #unseen: readonly AnyQmpEvent[];
  readonly #recorded: readonly AnyQmpEvent[];
  readonly #live: EventStream<AnyQmpEvent>;

  /**
   * @param unseen The end of the recording.
   * @param recorded All of it, read after the monitor was negotiated.
   * @param live The monitor's events.
   */
  constructor(
    unseen: readonly AnyQmpEvent[],
    recorded: readonly AnyQmpEvent[],
    live: EventStream<AnyQmpEvent>,
  ) {
    this.#unseen = unseen;
    this.#recorded = recorded;
    this.#live = live;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AnyQmpEvent> {
    yield* this.#unseen;
    let repeated: number | null = null;
    for await (const event of this.#live) {
      // The first one says where the monitor began.
      if (repeated === null) {
        const at = this.#recorded.findLastIndex((one) => isSameEvent(one, event));
        repeated = at < 0 ? 0 : this.#recorded.length - at;
      }
      if (repeated > 0) repeated--;
      else yield event;
    }
  }

  [Symbol.dispose](): void {
    this.#live[Symbol.dispose]();
  }
}
