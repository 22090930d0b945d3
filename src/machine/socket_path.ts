/** The longest path of a unix socket, in bytes: QEMU takes one more, Deno does not. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * How much of the limit a socket's path takes.
 *
 * @param path The path.
 * @returns Its bytes in UTF-8.
 */
export function socketPathBytes(path: string): number {
  return new TextEncoder().encode(path).length;
}
