import { alarm } from "../qmp/alarm.ts";
import { type Logger, silentLogger } from "../qmp/logger.ts";
import { LaunchError, missingBinaryMessage, unusableBinaryMessage } from "./errors.ts";
import {
  type Lifetime,
  type QemuProcess,
  type SpawnedProcess,
  spawnQemu,
  type SpawnRequest,
} from "./qemu_process.ts";

/** How QEMU's life is tied to this process, should this process be killed. */
export type Tie = "setpriv" | "none";

/**
 * Whether QEMU can be tied to this process. setpriv can start anything, so it is used where it is allowed and never asked for.
 *
 * @param lifetime How long QEMU is to live.
 * @param logger Told what is missing.
 * @returns `setpriv` where it may be used; whether it is there is seen when it is.
 */
export function findTie(lifetime: Lifetime, logger: Logger = silentLogger): Tie {
  if (lifetime.kind !== "owned" || Deno.build.os !== "linux") return "none";
  const { state } = Deno.permissions.querySync({ name: "run", command: "setpriv" });
  if (state === "granted") return "setpriv";
  logger.warn(
    "Without --allow-run=setpriv QEMU can't be tied to this process: it outlives this process if it is killed with SIGKILL",
  );
  return "none";
}

/**
 * Starts QEMU, and says in words of its own what is wrong with a binary that can't be started.
 *
 * @param name The VM's name, for messages.
 * @param request What to start.
 * @param logger Told what is missing.
 * @returns The process.
 * @throws {LaunchError} When there is no such binary, or it can't be executed.
 * @throws {Deno.errors.NotCapable} When this script may not run it.
 */
export function startQemu(name: string, request: SpawnRequest, logger: Logger): SpawnedProcess {
  try {
    if (request.tie === "none") return spawnQemu(request);
    try {
      return spawnQemu(request);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      logger.warn("There is no setpriv (package util-linux): QEMU outlives this process if it is killed", {
        vm: name,
      });
      return spawnQemu({ ...request, tie: "none" });
    }
  } catch (error) {
    const { argv } = request;
    const binary = argv[0] ?? "";
    if (error instanceof Deno.errors.NotFound) {
      throw new LaunchError(missingBinaryMessage(name, binary), { argv }, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new LaunchError(unusableBinaryMessage(name, binary, error.message), { argv }, { cause: error });
    }
    throw error;
  }
}

/**
 * Ends a QEMU that nobody has seen yet, or whose owner is going: SIGTERM, and SIGKILL a second later.
 *
 * @param process The process; one that has ended is all right.
 */
export async function endNow(process: QemuProcess): Promise<void> {
  process.signal("SIGTERM");
  using _patience = alarm(1_000, () => process.signal("SIGKILL"));
  await process.exited;
}
