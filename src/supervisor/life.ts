import type { VmConfig } from "../machine/mod.ts";
import type { AnyQmpEvent, Logger } from "../qmp/mod.ts";
import {
  launch,
  type LaunchOptions,
  type Lifetime,
  type StopOptions,
  type Verdict,
  type Vm,
} from "../vm/mod.ts";
import { REPORTED_EVENTS } from "./report.ts";
import { lifetimeIn, removeRunPlace, type RunPlace } from "./run_place.ts";

/** What is told of a QEMU. Each is called in the order in which things happened, and none after `gone`. */
export interface LifeListener {
  /** QEMU said something about the guest's life. */
  event(event: AnyQmpEvent): void;
  /** The guest ended and QEMU is still there. */
  guestEnded(verdict: Verdict): void;
  /** QEMU is gone. */
  gone(verdict: Verdict): void;
}

/** After so many events the recording is looked at, whether it has grown too large. */
const COMPACT_EVERY = 200;

/** One QEMU of a guest, from when it is ready to when it is gone. */
export class Life {
  readonly vm: Vm;
  /** Resolves when everything that it said has been told. Never rejects. */
  readonly followed: Promise<void>;
  readonly #makeRoom: ((seen: AnyQmpEvent) => Promise<void>) | null;
  readonly #logger: Logger;
  #state: "followed" | "left" = "followed";

  /**
   * @param vm The running VM; from here on it is this life's.
   * @param makeRoom Makes room in the recording of events up to one that was seen; null where there is none.
   * @param end Whether the end in which it was found, if it was, was told already.
   * @param listener Who is told.
   * @param logger Told what goes wrong with the recording.
   */
  constructor(
    vm: Vm,
    makeRoom: ((seen: AnyQmpEvent) => Promise<void>) | null,
    end: "told" | "untold",
    listener: LifeListener,
    logger: Logger,
  ) {
    this.vm = vm;
    this.#logger = logger;
    this.#makeRoom = makeRoom;
    this.followed = this.#follow(listener, end);
  }

  /** Tells nothing more, whatever happens. */
  leave(): void {
    this.#state = "left";
  }

  async #follow(listener: LifeListener, end: "told" | "untold"): Promise<void> {
    // Opened now, before anything can be missed; they end with the VM.
    const telling = Promise.allSettled([
      this.#tellEvents(this.vm.events(), listener),
      this.#tellEnds(this.vm.ends(), listener, end),
    ]);
    const verdict = await this.vm.stopped;
    await telling;
    if (this.#state === "followed") listener.gone(verdict);
  }

  async #tellEvents(events: AsyncIterable<AnyQmpEvent>, listener: LifeListener): Promise<void> {
    let count = 0;
    let compacting: Promise<unknown> = Promise.resolve();
    for await (const event of events) {
      if (this.#state === "followed" && REPORTED_EVENTS.includes(event.event)) listener.event(event);
      if (++count % COMPACT_EVERY === 0) compacting = compacting.then(() => this.#compact(event));
    }
    await compacting;
  }

  /** What was seen need not be kept for others. A recording that can't be made smaller is no reason to see less. */
  async #compact(seen: AnyQmpEvent): Promise<void> {
    try {
      await this.#makeRoom?.(seen);
    } catch (error) {
      this.#logger.debug("A recording can't be made smaller", { vm: this.vm.name, error });
    }
  }

  async #tellEnds(
    ends: AsyncIterable<Verdict>,
    listener: LifeListener,
    first: "told" | "untold",
  ): Promise<void> {
    let next = first;
    for await (const verdict of ends) {
      const wasTold = next === "told";
      next = "untold";
      if (wasTold) continue;
      if (this.#state === "followed") listener.guestEnded(verdict);
    }
  }
}

/** How a QEMU of a guest is launched. */
export interface LifePlan {
  config: VmConfig;
  place: RunPlace | null;
  lifetime: Lifetime["kind"];
  stop: StopOptions;
  signal: AbortSignal;
  logger: Logger;
  /** Whether QEMU itself keeps the events that nobody is there to see. */
  recorder: "on" | "off";
}

/**
 * Launches a QEMU of a guest.
 *
 * @param plan What and where.
 * @returns The running VM.
 * @throws As `launch` does.
 */
export function launchLife(plan: LifePlan): Promise<Vm> {
  const { config, place, lifetime, stop, signal, logger, recorder } = plan;
  const options: LaunchOptions = {
    signal,
    logger,
    lifetime: lifetimeIn(lifetime, place),
    signals: "ignore",
    stop,
    recorder,
    ...(place === null ? {} : { runDir: place.runDir }),
  };
  return launch(config, options);
}

/**
 * Removes what a QEMU left. What can't be removed is no reason to keep a guest from its next life.
 *
 * @param name The guest's name, for the log.
 * @param vm The VM; null when there never was one.
 * @param place Where it ran.
 * @param logger Told what could not be removed.
 */
export async function removeLife(
  name: string,
  vm: Vm | null,
  place: RunPlace | null,
  logger: Logger,
): Promise<void> {
  try {
    await vm?.[Symbol.asyncDispose]();
    if (place !== null) await removeRunPlace(place);
  } catch (error) {
    logger.warn("Could not remove what QEMU left", { vm: name, ...place, error });
  }
}
