/**
 * A command as the peer has read it.
 *
 * @example
 * ```ts
 * import { memoryPeer, type PeerCommand } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer = memoryPeer();
 * await peer.transport.write(new TextEncoder().encode('{"exec-oob":"query-yank","id":1}'));
 * const command: PeerCommand = await peer.connection.command();
 * assertEquals(command, { name: "query-yank", band: "out", id: 1 });
 * ```
 */
export interface PeerCommand {
  /** What is to be run. */
  readonly name: string;
  /** Whether it came in band (`execute`) or out of band (`exec-oob`). */
  readonly band: "in" | "out";
  /** Its arguments; absent where it has none. Integers beyond 2^53 are bigints. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** What its reply has to carry; undefined where the client gave none. */
  readonly id: unknown;
}

/** A message that QEMU would take for a command, or what it would say about it. */
export type ReadCommand =
  | { readonly kind: "command"; readonly command: PeerCommand }
  | { readonly kind: "refused"; readonly id: unknown; readonly desc: string };

/**
 * Reads a command as QEMU does.
 *
 * @param message What the decoder found.
 * @returns The command, or QEMU's words about what is wrong with it.
 */
export function readCommand(message: unknown): ReadCommand {
  const { execute, "exec-oob": outOfBand, arguments: args, id, ...more } = message as Record<string, unknown>;
  const refused = (desc: string): ReadCommand => ({ kind: "refused", id, desc });
  const [extra] = Object.keys(more);
  if (extra !== undefined) return refused(`QMP input member '${extra}' is unexpected`);
  const name = execute ?? outOfBand;
  if (name === undefined) return refused("QMP input lacks member 'execute'");
  if (execute !== undefined && outOfBand !== undefined) {
    return refused("QMP input members 'execute' and 'exec-oob' cannot be used together");
  }
  if (typeof name !== "string") return refused("QMP input member 'execute' must be a string");
  if (args !== undefined && !isObject(args)) {
    return refused("QMP input member 'arguments' must be an object");
  }
  const band = execute === undefined ? "out" : "in";
  return { kind: "command", command: { name, band, ...(args === undefined ? {} : { arguments: args }), id } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
