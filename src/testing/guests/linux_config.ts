import type { VmConfig } from "../../machine/mod.ts";
import { cacheFolder } from "../cache_folder.ts";
import { linuxGuest, type LinuxGuestOptions } from "./linux_guest.ts";

/** An initramfs that nobody has asked for in this time is removed, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
const NAME = /^linux-[0-9a-f]{16}\.initrd$/;

/** Options of {@link linuxConfig}. */
export interface LinuxConfigOptions extends LinuxGuestOptions {
  /**
   * Where the initramfs is written, under a name made of its contents. One that was not asked for in a week is removed.
   *
   * @default {"$XDG_CACHE_HOME/qeeper/guests, or ~/.cache/qeeper/guests"}
   */
  dir?: string;
}

/**
 * The small real Linux of `linuxGuest` as a config, for `bootVm`, `snapshotFixture` or `launch`: its initramfs is written to a file, once for
 * all that ask for the same one.
 *
 * @param options What else goes into it, and where it is written.
 * @returns The config; add to it what the test needs: disks, networks, more memory than the 128 MiB.
 * @throws As `linuxGuest` does.
 *
 * @example
 * ```ts
 * import { linuxConfig, LinuxGuestError } from "@qeeper/qeeper/testing";
 * import { assert } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * try {
 *   const [one, same] = [await linuxConfig({ dir }), await linuxConfig({ dir })];
 *   assert(one.initrd?.startsWith(dir) && one.initrd === same.initrd);
 * } catch (error) {
 *   if (!(error instanceof LinuxGuestError)) throw error; // no Debian, no guest
 * }
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function linuxConfig({ dir, ...options }: LinuxConfigOptions = {}): Promise<VmConfig> {
  const { kernel, initrd, append } = await linuxGuest(options);
  const folder = dir ?? await cacheFolder("guests");
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", initrd)).toHex();
  const file = `${folder}/linux-${digest.slice(0, 16)}.initrd`;
  await provide(file, initrd);
  await removeOld(folder);
  return { memoryMiB: 128, kernel, initrd: file, append, ...(options.agent ? { agent: true } : {}) };
}

/** Whole or not at all: another process may want the same one at this moment. */
async function provide(file: string, bytes: Uint8Array): Promise<void> {
  const now = new Date();
  try {
    // It is wanted today.
    return await Deno.utime(file, now, now);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const temporary = `${file}.${crypto.randomUUID()}`;
  try {
    await Deno.writeFile(temporary, bytes, { createNew: true, mode: 0o600 });
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function removeOld(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!NAME.test(name)) continue;
    try {
      const { mtime } = await Deno.stat(`${folder}/${name}`);
      if (mtime !== null && Date.now() - mtime.getTime() > KEPT_MS) await Deno.remove(`${folder}/${name}`);
    } catch (error) {
      // Another process was first.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
