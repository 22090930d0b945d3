import { runPaths } from "../../machine/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import type { Probe } from "../liveness/mod.ts";
import { endOfLastMatch } from "../liveness/text_pattern.ts";

/**
 * Whether a guest that was found running has said on its console, before anybody listened, all that makes it ready. It won't say it again, so
 * QEMU's log of the console has to do.
 *
 * @param vm The guest.
 * @param probes Its probes.
 * @returns Whether it has; false where no probe for readiness listens to the console, or there is no log.
 */
export async function saidReady(vm: Vm | null, probes: readonly Probe[]): Promise<boolean> {
  const awaited = probes.flatMap((probe) =>
    probe.kind === "console" && probe.for === "readiness" ? [probe.pattern] : []
  );
  if (awaited.length === 0 || typeof vm?.runDir !== "string") return false;
  try {
    const said = await Deno.readTextFile(runPaths(vm.runDir).consoleLog);
    return awaited.every((pattern) => endOfLastMatch(said, pattern) >= 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
