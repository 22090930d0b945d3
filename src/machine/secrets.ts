import type { VmConfig } from "./config.ts";
import { formatOption } from "./options.ts";
import type { RunPaths } from "./run_paths.ts";

/** A file that the launcher has to write, mode 0600, before QEMU starts. */
export interface SecretFile {
  /** Where. */
  file: string;
  /** What: nothing else may be in it, not even a newline. */
  content: string;
}

/**
 * The files that hold the secrets a config gives by value.
 *
 * @param config The config.
 * @param paths The run directory's paths.
 * @returns The files to write.
 *
 * @example
 * ```ts
 * import { runPaths, secretFiles } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const files = secretFiles({ secrets: [{ id: "key", value: "swordfish" }] }, runPaths("/run/vm"));
 *
 * assertEquals(files, [{ file: "/run/vm/key.secret", content: "swordfish" }]);
 * ```
 */
export function secretFiles(config: VmConfig, paths: RunPaths): readonly SecretFile[] {
  return (config.secrets ?? []).flatMap((secret) =>
    "value" in secret ? [{ file: paths.secret(secret.id), content: secret.value }] : []
  );
}

/**
 * The arguments for secrets: where each is, never what.
 *
 * @param config The config.
 * @param paths The run directory's paths.
 * @returns Arguments.
 */
export function secretArgs(config: VmConfig, paths: RunPaths): string[] {
  return (config.secrets ?? []).flatMap((secret) => {
    const file = "value" in secret ? paths.secret(secret.id) : secret.file;
    return ["-object", formatOption("secret", { id: secret.id, file })];
  });
}
