import { SnapshotError } from "./snapshot_error.ts";
import type { BinaryIdentity } from "./template_key.ts";

/** The QEMU of a fixture. It is looked at again for each clone; what it says of itself is asked once, unless the file changes. */
export class QemuBinary {
  readonly #name: string;
  #path: string | null = null;
  #known: { identity: string; version: string } | null = null;

  /** @param name A path, or a name that is looked up on PATH. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * What tells this QEMU from another one.
   *
   * @param signal Stops waiting.
   * @returns Its identity.
   * @throws {SnapshotError} When there is no such binary.
   */
  async identify(signal?: AbortSignal): Promise<BinaryIdentity> {
    const path = this.#path ??= await findProgram(this.#name);
    const { size, mtime, ino } = await Deno.stat(path);
    const changedAtMs = mtime?.getTime() ?? 0;
    const identity = `${ino}:${size}:${changedAtMs}`;
    if (this.#known?.identity !== identity) {
      this.#known = { identity, version: await versionOf(path, signal) };
    }
    return { path, bytes: size, changedAtMs, version: this.#known.version };
  }

  /** The `qemu-img` that came with it, else the one on PATH. */
  async qemuImg(): Promise<string> {
    const path = this.#path ??= await findProgram(this.#name);
    const beside = `${path.slice(0, path.lastIndexOf("/"))}/qemu-img`;
    return await isFile(beside) ? beside : "qemu-img";
  }
}

async function findProgram(name: string): Promise<string> {
  if (name.includes("/")) return await Deno.realPath(name);
  for (const dir of (Deno.env.get("PATH") ?? "/usr/bin").split(":")) {
    const path = `${dir}/${name}`;
    if (dir.startsWith("/") && await isFile(path)) return await Deno.realPath(path);
  }
  throw new SnapshotError(`Cannot find ${name} on PATH; install it, or name it in the config's binary`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function versionOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const { stdout } = await new Deno.Command(path, {
    args: ["-version"],
    stdin: "null",
    stderr: "null",
    ...(signal ? { signal } : {}),
  }).output();
  signal?.throwIfAborted();
  return new TextDecoder().decode(stdout).split("\n")[0] ?? "";
}
