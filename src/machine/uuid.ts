/**
 * Compares UUIDs. QEMU answers with small letters, whatever its command line has.
 *
 * @param one A UUID, or what may be one.
 * @param other Another.
 * @returns Whether they are the same.
 */
export function isSameUuid(one: string | null | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}
