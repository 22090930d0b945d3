import { GUEST_SCRIPTS, initScript, START_AGENT } from "./linux_init.ts";
import { DEFAULT_LINUX_MODULES, type LinuxContents, loadOrder } from "./linux_modules.ts";
import { type CpioEntry, packNewc } from "./newc.ts";

/** Options of {@link linuxGuest}. */
export interface LinuxGuestOptions {
  /**
   * The folder with `vmlinuz`, `busybox` and `modules`, as `deno task setup` makes it in a checkout of Qeeper.
   *
   * @default {".cache/linux of the checkout"}
   */
  assetsDir?: string;
  /**
   * The kernel modules to load; those that they need come by themselves. Give `[]` for none.
   *
   * @default {["virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_balloon", "evdev", "button", "pvpanic-mmio", "pvpanic-pci"]}
   */
  modules?: readonly string[];
  /**
   * More files by their path in the guest, with or without a leading slash. All of them may be executed.
   *
   * @default {{}}
   */
  files?: Readonly<Record<string, Uint8Array | string>>;
  /**
   * Shell commands that the guest runs before it says that it is ready.
   *
   * @default {""}
   */
  init?: string;
  /**
   * Has the guest agent in it, which init starts where the VM has a port for it (`agent: true` in its config).
   *
   * @default {false}
   */
  agent?: boolean;
  /**
   * The folder with the agent's files at their paths in the guest, as `deno task setup` makes it in a checkout of Qeeper.
   *
   * @default {".cache/agent of the checkout"}
   */
  agentDir?: string;
}

/** What QEMU needs to boot the guest directly. */
export interface LinuxGuest {
  /** The path of the kernel, for `-kernel`. */
  readonly kernel: string;
  /** The initramfs, to be written to a file for `-initrd`. */
  readonly initrd: Uint8Array<ArrayBuffer>;
  /** The kernel's command line, for `-append`. */
  readonly append: string;
}

const KERNEL_PARAMETERS: readonly string[] = [
  "console=ttyS0",
  "quiet",
  // A tenth of the boot under TCG would go into these self-tests.
  "cryptomgr.notests",
  // On a busy host the emulated timer looks broken to the kernel, which then panics.
  "no_timer_check",
  "nokaslr",
];

/** Thrown when the kernel and programs of the Linux guest are not there. */
export class LinuxGuestError extends Error {
  override readonly name = "LinuxGuestError";
  /** The folder in which they were sought; null if none was given and there is no default. */
  readonly assetsDir: string | null;

  /**
   * @param message What is missing and what to do.
   * @param assetsDir Where it was sought.
   * @param options The cause.
   */
  constructor(message: string, assetsDir: string | null, options?: ErrorOptions) {
    super(message, options);
    this.assetsDir = assetsDir;
  }
}

/**
 * Packs a small real Linux: Debian's cloud kernel and an initramfs with busybox, made in memory. Its console is
 * the first serial port, where it says `GUEST-READY` and a line feed (after about 2 s under TCG, with 128 MiB)
 * and then serves a shell without prompt or echo. It obeys the power button within 0.1 s; `poweroff`, `reboot`
 * and `echo c > /proc/sysrq-trigger` (a kernel panic, which pvpanic reports) do what they say. A network card
 * gets the addresses of QEMU's user-mode network.
 *
 * @param options What else goes into it.
 * @returns What QEMU needs.
 * @throws {LinuxGuestError} If the assets are not there; the message says how to get them.
 * @throws {RangeError} If a module is asked for that the assets don't have.
 * @throws {TypeError} If a file's path is not a plain one.
 *
 * @example What the initramfs holds
 * ```ts
 * import { linuxGuest, LinuxGuestError, unpackNewc } from "@qeeper/qeeper/testing";
 * import { assert, assertRejects } from "@std/assert";
 *
 * await assertRejects(() => linuxGuest({ assetsDir: "/nowhere" }), LinuxGuestError, "deno task setup");
 *
 * const missing = (error: unknown) => {
 *   if (error instanceof LinuxGuestError) return null; // no Debian, no guest
 *   throw error;
 * };
 * const guest = await linuxGuest({ files: { "/etc/motd": "hello" } }).catch(missing);
 * assert(guest === null || unpackNewc(guest.initrd).some((entry) => entry.path === "etc/motd"));
 * ```
 */
export async function linuxGuest(options: LinuxGuestOptions = {}): Promise<LinuxGuest> {
  const { modules = DEFAULT_LINUX_MODULES, files = {}, init = "" } = options;
  const assetsDir = options.assetsDir ?? defaultDir("linux", "assetsDir");
  const contents = await readContents(assetsDir);
  const order = loadOrder(modules, contents.modules);
  const guestFiles: Record<string, Uint8Array | string> = {
    "bin/busybox": await Deno.readFile(`${assetsDir}/busybox`),
    "init": initScript(order, init),
    ...GUEST_SCRIPTS,
  };
  for (const name of order) {
    guestFiles[`lib/modules/${name}.ko`] = await Deno.readFile(`${assetsDir}/modules/${name}.ko`);
  }
  if (options.agent) {
    Object.assign(
      guestFiles,
      START_AGENT,
      await readAgent(options.agentDir ?? defaultDir("agent", "agentDir")),
    );
  }
  for (const [path, data] of Object.entries(files)) guestFiles[path.replace(/^\//, "")] = data;
  return {
    kernel: `${assetsDir}/vmlinuz`,
    initrd: packNewc(toEntries(guestFiles)),
    append: KERNEL_PARAMETERS.join(" "),
  };
}

/** A module that was loaded over the network has no folder, and so no assets by it. */
function defaultDir(name: "linux" | "agent", option: keyof LinuxGuestOptions): string {
  const { dirname } = import.meta;
  if (dirname !== undefined) return dirname.replace(/\/src\/testing\/guests$/, `/.cache/${name}`);
  throw new LinuxGuestError(
    `Cannot find the Linux guest's files: give \`${option}\`, the folder .cache/${name} that \`deno task setup\` ` +
      "makes in a checkout of Qeeper on Debian",
    null,
  );
}

/** The agent's program and libraries by their paths in the guest. */
async function readAgent(folder: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  const walk = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${path}`)) {
      const inner = `${path}${name}`;
      if (isDirectory) await walk(`${inner}/`);
      else files[inner] = await Deno.readFile(`${folder}/${inner}`);
    }
  };
  await walk("").catch((cause) => {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new LinuxGuestError(
      `Cannot put the guest agent into the Linux guest: there is no ${folder}; run \`deno task setup\` in a ` +
        "checkout of Qeeper on Debian",
      folder,
      { cause },
    );
  });
  return files;
}

async function readContents(assetsDir: string): Promise<LinuxContents> {
  const path = `${assetsDir}/contents.json`;
  const text = await Deno.readTextFile(path).catch((cause) => {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new LinuxGuestError(
      `Cannot find the Linux guest's kernel: there is no ${path}; run \`deno task setup\` in a checkout of ` +
        "Qeeper on Debian",
      assetsDir,
      { cause },
    );
  });
  return JSON.parse(text) as LinuxContents;
}

/** The archive of these files, each directory before what is in it. */
function* toEntries(files: Readonly<Record<string, Uint8Array | string>>): Generator<CpioEntry> {
  const made = new Set<string>();
  // The kernel opens its console before /init can mount /dev.
  for (const path of [...Object.keys(files), "dev/console"]) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      if (made.has(folder)) continue;
      made.add(folder);
      yield { type: "directory", path: folder };
    }
    const data = files[path];
    if (data !== undefined) yield { type: "file", path, data, mode: 0o755 };
  }
  yield { type: "character-device", path: "dev/console", major: 5, minor: 1 };
}
