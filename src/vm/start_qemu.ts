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
 * Listens for a QEMU that is starting. setpriv's tie counts from about 1 ms after the fork: a QEMU whose script was killed before that
 * connects to nobody and ends. (QEMU does not mind the end of the connection.)
 *
 * @param tie How QEMU is tied to this process.
 * @param path The socket.
 * @param logger Told what is missing.
 * @returns The listener, to be closed, which removes its socket, when QEMU is ready; null without a tie, or the permission.
 */
export function listenForTied(
  tie: Tie,
  path: string,
  logger: Logger = silentLogger,
): Deno.UnixListener | null {
  if (tie === "none") return null;
  // Where single sockets are allowed this may be none of them, and nobody is to be asked for it.
  const { state } = Deno.permissions.querySync({ name: "net", host: `unix:${path}` });
  if (state === "granted") return Deno.listen({ transport: "unix", path });
  logger.warn(
    "Without --allow-net for this socket QEMU outlives this process if it is killed with SIGKILL at the very moment of the launch",
    { socket: path },
  );
  return null;
}

/**
 * Waits for the QEMU that was started to connect: it listens on its monitors then.
 *
 * @param listener What `listenForTied` gave. When it is closed first, that is the end of this wait too.
 */
export async function untilTied(listener: Deno.UnixListener): Promise<void> {
  try {
    (await listener.accept()).close();
  } catch {
    // Then connecting to the monitors tells how things are.
  }
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
