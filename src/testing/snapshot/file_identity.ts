/** What tells a file from every other one, and from itself before it was changed, without a look at its content. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  readonly bytes: number;
  readonly writtenAtMs: number;
  /** When anything of it was last changed, its times included. */
  readonly changedAtMs: number;
}

/**
 * The identity of a file.
 *
 * @param info What `Deno.stat` tells of it.
 * @returns The identity.
 */
export function identityOf(info: Deno.FileInfo): FileIdentity {
  return {
    device: info.dev,
    inode: info.ino ?? 0,
    bytes: info.size,
    writtenAtMs: info.mtime?.getTime() ?? 0,
    changedAtMs: info.ctime?.getTime() ?? 0,
  };
}

/**
 * An identity as text, to be compared and to be a key.
 *
 * @param identity The identity.
 * @returns The text.
 */
export function identityText({ device, inode, bytes, writtenAtMs, changedAtMs }: FileIdentity): string {
  return [device, inode, bytes, writtenAtMs, changedAtMs].join(":");
}

/**
 * What a file takes on its disk, which for one with holes is less than its size.
 *
 * @param info What `Deno.stat` tells of it.
 * @returns Bytes.
 */
export function allocatedBytes(info: Deno.FileInfo): number {
  return info.blocks === null ? info.size : info.blocks * 512;
}
