import type { Vm } from "../../vm/mod.ts";
import type { Found, ProbeLimits } from "./probing.ts";

/**
 * Pings the guest agent.
 *
 * @param vm The guest.
 * @param limits Signal, and how long it may take.
 * @returns Whether it answered. A refusal is an answer: an agent that holds the file systems frozen takes no pings.
 * @throws The signal's reason.
 */
export async function pingAgent(vm: Pick<Vm, "agent">, limits: ProbeLimits): Promise<Found> {
  if (vm.agent === null) return { kind: "missed", why: "the guest has no channel for an agent" };
  try {
    await vm.agent.execute("guest-ping", {}, limits);
  } catch (error) {
    limits.signal.throwIfAborted();
    const kind = error instanceof Error && "kind" in error ? error.kind : null;
    if (kind !== "command" && kind !== "disabled") {
      return { kind: "missed", why: error instanceof Error ? error.message : String(error) };
    }
  }
  return { kind: "passed" };
}
