import { ConfigError, configFiles, resolveConfigPaths, type VmConfig } from "../machine/mod.ts";

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
 * Looks for the files that a config names, so that a missing one is reported by its place in the config and not in QEMU's terms.
 *
 * @param config A config with absolute file names.
 * @throws {ConfigError} When a file is missing. A file that this script may not look at is left to QEMU.
 */
export async function checkFiles(config: VmConfig): Promise<void> {
  const issues = [];
  for (const { path, file } of configFiles(config)) {
    try {
      await Deno.stat(file);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) continue;
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
      issues.push({
        path,
        expected: "an existing file",
        found: file,
        message: `${path}: there is no file ${file}`,
      });
    }
  }
  if (issues.length > 0) throw new ConfigError(issues);
}
