import { delay } from "@std/async/delay";

/** In `/proc/net/unix`, the flag of a socket that listens. */
const LISTENS = 0x10000;

/** Between two looks at a socket, in milliseconds: a helper listens within a few, and a busy machine is not to be made busier. */
const FIRST_LOOKS_MS = 5;
const LATER_LOOKS_MS = 50;
const LOOKS_BEFORE_LATER = 40;

/**
 * Makes room for a socket: one that a dead helper left is removed.
 *
 * @param path The socket's path.
 * @throws {Error} When something else is there, or somebody listens on it.
 */
export async function makeRoomFor(path: string): Promise<void> {
  const info = await look(path);
  if (info === null) return;
  if (!info.isSocket) throw new Error(`${path} is no socket, and would be in its place; remove it`);
  const listener = await listenerAt(path);
  if (listener === "some" || (listener === "unknown" && !await refuses(path))) {
    throw new Error(`Somebody listens on ${path} already; end that process first`);
  }
  await removeSocket(path);
}

/**
 * Removes a socket that nobody listens on any more.
 *
 * @param path The socket's path; nothing happens where there is none.
 */
export async function removeSocket(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Waits until somebody listens on a socket. It is not connected to: many helpers serve one client, and take the first one for it. Where the
 * table of sockets can't be read, a socket that is there counts.
 *
 * @param path The socket's path.
 * @param signal Ends the wait; rejects with its reason.
 */
export async function untilListening(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const isThere = async () => (await look(path))?.isSocket === true && await listenerAt(path) !== "none";
  for (let looks = 0; !await isThere(); looks++) {
    await delay(looks < LOOKS_BEFORE_LATER ? FIRST_LOOKS_MS : LATER_LOOKS_MS, { signal });
  }
}

async function listenerAt(path: string): Promise<"some" | "none" | "unknown"> {
  try {
    return hasListener(await Deno.readTextFile("/proc/net/unix"), path) ? "some" : "none";
  } catch {
    return "unknown";
  }
}

/**
 * Whether somebody listens on a socket.
 *
 * @param table What `/proc/net/unix` has.
 * @param path The socket's path. A socket that was bound by a relative name has that name in the table, and counts if the path ends with it.
 * @returns Whether it is so.
 */
export function hasListener(table: string, path: string): boolean {
  return table.split("\n").some((row) => {
    const [, flags, name] = /^\S+: \S+ \S+ (\S+) \S+ \S+ +\d+ (.+)$/.exec(row) ?? [];
    if (flags === undefined || name === undefined || (parseInt(flags, 16) & LISTENS) === 0) return false;
    return name === path || (!/^[/@]/.test(name) && path.endsWith(`/${name.replace(/^(\.\/)+/, "")}`));
  });
}

/** Whoever listens takes this for a client: so only where nothing else tells, and before a helper of ours is there. */
async function refuses(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

async function look(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
