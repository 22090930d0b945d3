import {
  ConfigError,
  configFiles,
  type NewConfigIssue,
  resolveConfigPaths,
  type VmConfig,
} from "../machine/mod.ts";
import { namedSockets } from "../machine/socket_path.ts";

/**
 * Makes a config's relative file names absolute, since QEMU runs in its own directory.
 *
 * @param config A checked config.
 * @returns The same, with absolute file names.
 */
export function absolutePaths(config: VmConfig): VmConfig {
  return resolveConfigPaths(config, Deno.cwd());
}

/**
 * Looks at the files that a config names, so that what is wrong with one is reported by its place in the config and not in QEMU's
 * terms: those that must be there, and the sockets that QEMU would make in the place of whatever is there.
 *
 * @param config A config with absolute file names.
 * @throws {ConfigError} When a file is missing, or a socket's place is taken. A file that this script may not look at is left to QEMU.
 */
export async function checkFiles(config: VmConfig): Promise<void> {
  const issues: NewConfigIssue[] = [];
  for (const { path, file } of configFiles(config)) {
    if (await look(file) === "missing") {
      issues.push({
        path,
        expected: "an existing file",
        found: file,
        message: `${path}: there is no file ${file}`,
      });
    }
  }
  for (const { place, path, listener } of namedSockets(config)) {
    // An abstract one is no file.
    if (listener !== "QEMU" || path.startsWith("\0")) continue;
    const found = await whoIsAt(path);
    if (found !== null) issues.push({ path: place, expected: "a socket that nobody uses", found });
  }
  if (issues.length > 0) throw new ConfigError(issues);
}

/**
 * What is at a socket's path. QEMU removes it without a question, and two QEMUs that listen at one path both think that it is theirs. A
 * socket that a dead QEMU left is no obstacle, but it goes now: else it can't be told when the new one is there.
 */
async function whoIsAt(file: string): Promise<string | null> {
  const info = await look(file);
  if (info === "missing" || info === "not allowed") return null;
  if (!info.isSocket) return `${file}, which is no socket and would be removed`;
  try {
    (await Deno.connect({ transport: "unix", path: file })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      await Deno.remove(file);
      return null;
    }
    // Its queue is full: somebody lives there.
    if (!(error instanceof Deno.errors.WouldBlock)) return null;
  }
  return `${file}, on which somebody listens`;
}

async function look(file: string): Promise<Deno.FileInfo | "missing" | "not allowed"> {
  try {
    return await Deno.stat(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "missing";
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
      return "not allowed";
    }
    throw error;
  }
}
