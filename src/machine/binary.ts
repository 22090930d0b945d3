/** What a binary says of itself in `-help`. */
export interface BinaryHelp {
  /** Its version, `"7.2.22"`; null if the text has none, and so is not QEMU's. */
  version: string | null;
  /** The options that it knows, without their dash: `"sandbox"`, `"action"`... */
  options: ReadonlySet<string>;
  /**
   * Whether `-sandbox` is among them. QEMU lists it even where it was built without seccomp; what settles it is that
   * `QEMU -sandbox on -version` exits with 0.
   */
  sandbox: boolean;
}

/**
 * Reads what `qemu -help` printed.
 *
 * @param text The output.
 * @returns The version and the options.
 *
 * @example
 * ```ts
 * import { parseHelp } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const { version, options } = parseHelp("QEMU emulator version 10.0.2 (Debian)\n-uuid %08x-...\n");
 *
 * assertEquals(version, "10.0.2");
 * assertEquals(options.has("uuid"), true);
 * ```
 */
export function parseHelp(text: string): BinaryHelp {
  const version = /^QEMU emulator version (\d+(?:\.\d+)*)/m.exec(text)?.[1] ?? null;
  const options = new Set<string>();
  // Options begin a line; some lines name several, as in "-fda/-fdb file" and "-h or -help".
  for (const [line] of text.matchAll(/^-[a-z].*$/gmi)) {
    for (const [, name] of line.matchAll(/(?:^|\/| or )-([A-Za-z][A-Za-z0-9-]*)/g)) options.add(name ?? "");
  }
  return { version, options, sandbox: options.has("sandbox") };
}

/**
 * The binary that a config means.
 *
 * @param config Its `binary` and `arch`.
 * @returns A path, or a name for PATH.
 *
 * @example
 * ```ts
 * import { configBinary } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(configBinary({ arch: "aarch64" }), "qemu-system-aarch64");
 * ```
 */
export function configBinary(config: { binary?: string; arch?: string }): string {
  return config.binary ?? `qemu-system-${config.arch ?? "x86_64"}`;
}

/**
 * The architecture that a config's binary emulates, as far as its name or the config tells.
 *
 * @param config Its `binary` and `arch`.
 * @returns The architecture; `x86_64` where nothing tells.
 *
 * @example
 * ```ts
 * import { configArch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(configArch({ binary: "/opt/qemu/bin/qemu-system-riscv64" }), "riscv64");
 * ```
 */
export function configArch(config: { binary?: string; arch?: string }): string {
  return config.arch ?? /qemu-system-([a-z0-9_]+)[^/]*$/.exec(config.binary ?? "")?.[1] ?? "x86_64";
}
