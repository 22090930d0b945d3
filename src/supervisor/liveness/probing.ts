import type { Vm } from "../../vm/mod.ts";
import { ConsoleEar } from "./console_ear.ts";
import { pingAgent } from "./probe_agent.ts";
import type { Probe } from "./probe.ts";
import { probePort } from "./probe_tcp.ts";
import { showTextPattern } from "./text_pattern.ts";

/** How a probe went: it was passed, or not, and why. */
export type Found = { kind: "passed" } | { kind: "missed"; why: string };

/** How long a probe may take. */
export interface ProbeLimits {
  /** Gives it up: nobody wants to know any more. */
  signal: AbortSignal;
  /** After so long it was not passed. */
  timeoutMs: number;
}

/** One probe of one guest. */
export interface Probing extends AsyncDisposable {
  /**
   * Asks once.
   *
   * @param limits Signal, and how long it may take.
   * @throws The signal's reason.
   */
  ask(limits: ProbeLimits): Promise<Found>;
  /** The guest began anew, at this moment of the wall clock in milliseconds. */
  beginAnew(atMs: number): void;
}

/**
 * What a probe does.
 *
 * @param vm The guest.
 * @param probe Which probe.
 * @returns The probe at work.
 */
export function probingOf(vm: Vm, probe: Probe): Probing {
  switch (probe.kind) {
    case "agent":
      return lasting((limits) => pingAgent(vm, limits));
    case "tcp":
      return lasting((limits) => probePort(vm, probe, limits));
    case "console":
      return new ConsoleProbing(vm, probe);
  }
}

/** A probe that has nothing to remember. */
function lasting(ask: (limits: ProbeLimits) => Promise<Found>): Probing {
  return { ask, beginAnew: () => {}, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Listens for a text; what makes a guest ready needs to be said once only. */
class ConsoleProbing implements Probing {
  readonly #vm: Vm;
  readonly #probe: Extract<Probe, { kind: "console" }>;
  #ear: ConsoleEar | null;
  #said: "not yet" | "for good" = "not yet";
  /** Resolves when no ear that was put away listens any more. */
  #deafened: Promise<void> = Promise.resolve();

  constructor(vm: Vm, probe: Extract<Probe, { kind: "console" }>) {
    this.#vm = vm;
    this.#probe = probe;
    this.#ear = vm.console === null ? null : new ConsoleEar(vm.console, "the beginning");
  }

  ask(): Promise<Found> {
    return Promise.resolve(this.#listen());
  }

  beginAnew(atMs: number): void {
    this.#said = "not yet";
    this.#deafen();
    // Console and monitor are two connections: what it says first may have been read before the event of its reset.
    if (this.#vm.console !== null) this.#ear = new ConsoleEar(this.#vm.console, { sinceMs: atMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#deafen();
    await this.#deafened;
  }

  #listen(): Found {
    const { pattern } = this.#probe;
    if (this.#said === "for good") return { kind: "passed" };
    if (this.#ear === null) return { kind: "missed", why: "the guest has no console" };
    if (!this.#ear.heard(pattern)) {
      return { kind: "missed", why: `the guest did not say ${showTextPattern(pattern)} on its console` };
    }
    if (this.#probe.for === "readiness") {
      this.#said = "for good";
      this.#deafen();
    }
    return { kind: "passed" };
  }

  #deafen(): void {
    const ear = this.#ear;
    this.#ear = null;
    if (ear === null) return;
    const before = this.#deafened;
    this.#deafened = ear[Symbol.asyncDispose]().then(() => before);
  }
}
