import { assert, assertEquals } from "@std/assert";
import type { AnyQmpEvent, EventStream, Vm, VmConfig } from "../../mod.ts";
import type { Deviation } from "./_reply_validator.ts";
import { soon, type VmHost } from "./_vm_host.ts";

/** Something that makes QEMU send events. */
export interface EventCause {
  /** What is done, for the test's name. */
  readonly name: string;
  /** The events that come of it, where this QEMU knows them. Where it knows none, nothing is done. */
  readonly events: readonly string[];
  /** The guest; it is launched paused. Default: the one that obeys one-byte commands. */
  config?(place: Place): VmConfig | Promise<VmConfig>;
  /** What is done. The guest's first instruction is the cause's business. */
  act(scene: Scene): Promise<unknown>;
  /** What QEMU says when it was built without what this takes. */
  readonly notBuilt?: RegExp;
}

/** Where a cause has its files. */
export interface Place {
  readonly host: VmHost;
  /** A directory of its own. */
  readonly dir: string;
}

/** What a cause acts on. */
export interface Scene extends Place {
  readonly vm: Vm;
  readonly witness: Witness;
  /** The QEMU under test, for a cause that needs two. */
  readonly binary: string;
}

/** Reads all events of a VM, and checks each. */
export class Witness implements AsyncDisposable {
  readonly seen: AnyQmpEvent[] = [];
  readonly #stream: EventStream<AnyQmpEvent>;
  readonly #check: (event: AnyQmpEvent) => Deviation[];
  readonly #deviations: Deviation[] = [];
  readonly #reading: Promise<void>;
  #next: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #ended = false;

  constructor(stream: EventStream<AnyQmpEvent>, check: (event: AnyQmpEvent) => Deviation[]) {
    this.#stream = stream;
    this.#check = check;
    this.#reading = this.#read();
  }

  /** Waits until an event has come, from the start on. */
  async saw(name: string, where: (event: AnyQmpEvent) => boolean = () => true): Promise<AnyQmpEvent> {
    for (;;) {
      const { promise } = this.#next;
      const found = this.seen.find((event) => event.event === name && where(event));
      if (found !== undefined) return found;
      assert(!this.#ended, `the stream ended without ${name}, after ${this.names().join(", ")}`);
      await soon(promise).catch((cause) => {
        throw new Error(`Cannot see ${name}, only ${this.names().join(", ")}`, { cause });
      });
    }
  }

  /** The names of all that came, in order. */
  names(): string[] {
    return this.seen.map(({ event }) => event);
  }

  /** Where events were not as their types say. */
  get deviations(): readonly Deviation[] {
    return this.#deviations;
  }

  async #read(): Promise<void> {
    for await (const event of this.#stream) {
      this.seen.push(event);
      this.#deviations.push(...this.#check(event));
      const { resolve } = this.#next;
      this.#next = Promise.withResolvers<void>();
      resolve();
    }
    this.#ended = true;
    this.#next.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream[Symbol.dispose]();
    await this.#reading;
  }
}

/** Starts the guest that obeys, and waits until it does. */
export async function startObeying({ vm }: Scene): Promise<void> {
  await vm.resume();
  await vm.console?.expect("READY\n", { timeoutMs: 30_000 });
}

/** Gives the guest that obeys a command. */
export async function tell(scene: Scene, command: string): Promise<void> {
  await startObeying(scene);
  await scene.vm.console?.write(command);
}

/** Runs a command of HMP that has nothing to say when it succeeds. */
export async function quietly({ vm }: Scene, command: string): Promise<void> {
  assertEquals(await vm.hmp(command), "");
}
