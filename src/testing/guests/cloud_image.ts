import type { DriveConfig } from "../../machine/mod.ts";
import { packIso } from "./iso9660.ts";
import { type CloudSeed, SEED_LABEL, seedFiles } from "./nocloud_seed.ts";
import { createOverlay, imageInfo, QemuImgFailure } from "./qemu_img.ts";

const MIB = 1024 * 1024;

/**
 * What `cloudImage` takes beside the image: what cloud-init is told, and how the disk is to be.
 *
 * @example
 * ```ts
 * import type { CloudImageOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CloudImageOptions = { format: "qcow2", sizeMiB: 8192, hostname: "web" };
 * assertEquals(options.format, "qcow2");
 * ```
 */
export interface CloudImageOptions extends CloudSeed {
  /**
   * The image's format. Default by its name: `qcow2` for one that ends in `.qcow2`, `raw` for `.raw`; of any other name (Ubuntu's `.img` is a
   * `qcow2`) it has to be said, for it is never guessed from what is in the image.
   */
  format?: string;
  /** How large the guest's disk is to be, in MiB; not smaller than the image. Cloud images grow into it. Default: as the image. */
  sizeMiB?: number;
  /** Where the temporary files go. Default: the system's directory for those. */
  dir?: string;
  /** The program. Default `qemu-img`, on PATH. */
  qemuImg?: string;
  /** Gives up; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * A cloud image could not be made ready.
 *
 * @example
 * ```ts
 * import { cloudImage, CloudImageError } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(() => cloudImage("/nowhere/debian.qcow2"), CloudImageError);
 * assertEquals(error.path, "/nowhere/debian.qcow2");
 * ```
 */
export class CloudImageError extends Error {
  override readonly name = "CloudImageError";
  /** The image. */
  readonly path: string;

  /**
   * @param path The image.
   * @param found What was found, and what to do.
   * @param options `cause`, if there is one.
   */
  constructor(path: string, found: string, options?: ErrorOptions) {
    super(`Cannot boot from the cloud image ${path}: ${found}`, options);
    this.path = path;
  }
}

/**
 * A cloud image that is ready to boot, with its temporary files; dispose of it when the VM has ended.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { cloudImage, type CloudImage } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const base = await Deno.makeTempFile({ suffix: ".raw" });
 * await Deno.truncate(base, 1024 * 1024);
 * {
 *   await using image: CloudImage = await cloudImage(base, { hostname: "web" });
 *   await using vm = await launch({ ...image.config, accel: "tcg" }, { paused: true });
 *   assertEquals((await vm.qmp.execute("query-block")).map(({ device }) => device), ["root", "seed"]);
 * }
 * await Deno.remove(base);
 * ```
 */
export interface CloudImage extends AsyncDisposable {
  /** The part of a VM's config that boots it: `launch({ ...image.config, memoryMiB: 1024, networks: [{ type: "user" }] })`. */
  readonly config: { readonly drives: readonly [root: DriveConfig, seed: DriveConfig] };
  /** The disk that the guest writes to: a qcow2 with what differs from the image, in a directory that only this user can read. */
  readonly overlay: string;
  /** The volume with the seed. */
  readonly seed: string;
}

/**
 * Makes a distribution's cloud image bootable for a test: a disk of its own that has only what differs from the image, which is never written to, and a seed
 * that tells cloud-init in the guest what to do. It takes `qemu-img` and no rights.
 *
 * The seed is a volume labelled `cidata` with `user-data`, `meta-data` and, where they are given, `network-config` and `vendor-data`, on a read-only
 * virtio disk. An image that has a backing file or an external data file of its own makes QEMU read that one, so it has to come from somebody you trust.
 *
 * What this does not do: download images, or wait for cloud-init to have finished (have the guest say so: `runcmd`, or `cloud-init status --wait`).
 *
 * @param path The image; a plain file name, whatever it holds.
 * @param options What cloud-init is told, and how the disk is to be.
 * @returns The config's part, and the files.
 * @throws {CloudImageError} When the image is not there, is not of that format, or is larger than `sizeMiB`; when there is no qemu-img.
 * @throws {TypeError} When the seed is wrong in itself.
 *
 * @example
 * ```ts
 * import { cloudImage } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const base = await Deno.makeTempFile({ suffix: ".raw" });
 * await Deno.truncate(base, 1024 * 1024);
 * {
 *   await using image = await cloudImage(base, { userData: "#!/bin/sh\npoweroff\n", sizeMiB: 64 });
 *   assertEquals(image.config.drives.map(({ id, format }) => `${id} ${format}`), ["root qcow2", "seed raw"]);
 * }
 * await Deno.remove(base);
 * ```
 */
export async function cloudImage(path: string, options: CloudImageOptions = {}): Promise<CloudImage> {
  const { sizeMiB, qemuImg = "qemu-img", signal } = options;
  if (sizeMiB !== undefined && !(Number.isSafeInteger(sizeMiB) && sizeMiB > 0)) {
    throw new RangeError(
      `Cannot size a disk as 'sizeMiB' must be a positive integer: current value is ${sizeMiB}`,
    );
  }
  const seed = packIso(SEED_LABEL, seedFiles(await instanceId(options), options));
  // An absolute name is neither an option nor a protocol to any program: that is what it has before a colon without a slash.
  const base = {
    path: path.startsWith("/") ? path : `${Deno.cwd()}/${path}`,
    format: formatOf(path, options.format),
  };
  const made = await Deno.makeTempDir({
    prefix: "qeeper-cloud-",
    ...(options.dir === undefined ? {} : { dir: options.dir }),
  });
  const dir = await Deno.realPath(made);
  const files = { overlay: `${dir}/root.qcow2`, seed: `${dir}/seed.iso` };
  const remove = once(() => Deno.remove(dir, { recursive: true }));
  try {
    await Deno.writeFile(files.seed, seed, { mode: 0o600, ...(signal ? { signal } : {}) });
    const { sizeBytes } = await imageInfo(qemuImg, base.path, base.format, signal);
    const wantedBytes = sizeMiB === undefined ? sizeBytes : sizeMiB * MIB;
    if (wantedBytes < sizeBytes) {
      throw new CloudImageError(
        path,
        `its disk has ${sizeBytes / MIB} MiB, which don't fit into the ${sizeMiB} of sizeMiB`,
      );
    }
    await createOverlay(qemuImg, files.overlay, base, wantedBytes, signal);
  } catch (error) {
    await remove();
    signal?.throwIfAborted();
    throw error instanceof QemuImgFailure
      ? new CloudImageError(path, error.message, { cause: error.cause })
      : error;
  }
  return {
    ...files,
    config: {
      drives: [
        { id: "root", file: files.overlay, format: "qcow2", interface: "virtio-blk", bootIndex: 1 },
        { id: "seed", file: files.seed, format: "raw", interface: "virtio-blk", readonly: true },
      ],
    },
    [Symbol.asyncDispose]: remove,
  };
}

function formatOf(path: string, format: string | undefined): string {
  if (format !== undefined) {
    if (/^[a-z][a-z0-9_-]*$/i.test(format)) return format;
    throw new TypeError(
      `Cannot read an image as ${JSON.stringify(format)}: expected a format's name, such as "qcow2"`,
    );
  }
  const [, ending] = /\.(qcow2|raw)$/.exec(path) ?? [];
  if (ending !== undefined) return ending;
  throw new CloudImageError(path, `its name does not say its format; give format: "qcow2" or "raw"`);
}

/** The same seed makes the same instance. */
async function instanceId(
  { userData, metaData, sshKeys, network, hostname, vendorData }: CloudSeed,
): Promise<string> {
  const text = JSON.stringify([userData, metaData, sshKeys, network, hostname, vendorData]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `qeeper-${new Uint8Array(digest).toHex().slice(0, 16)}`;
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => done ??= act();
}
