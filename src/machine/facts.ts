/**
 * What the compiler has to know of the machine that it runs on: measured by the launcher, plain values here.
 *
 * @example
 * ```ts
 * import { compileArgv, type HostFacts, runPaths } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const facts: HostFacts = { binary: "qemu-system-aarch64", arch: "aarch64", accel: "tcg", sandbox: false };
 *
 * assertEquals(compileArgv({}, facts, runPaths("/run/vm")).slice(6, 10), ["-machine", "virt", "-accel", "tcg"]);
 * ```
 */
export interface HostFacts {
  /** The QEMU binary as it is spawned: a path, or a name on PATH. The first element of argv. */
  binary: string;
  /** The architecture that the binary emulates, as its name has it: `"x86_64"`, `"aarch64"`... */
  arch: string;
  /** The accelerator to use: what `"auto"` came to. */
  accel: "kvm" | "hvf" | "tcg";
  /** Whether the binary takes `-sandbox`. */
  sandbox: boolean;
  /**
   * Whether QEMU is to write every event to files in the run directory, whoever is connected: `pipe` is the chardev that does it in every
   * version. Default: no.
   */
  recorder?: "pipe" | undefined;
  /**
   * Whether QEMU is to report to the launch that listens on the run directory's `tie` socket, and to end at once where nobody does. It is a fact
   * of one launch, so what `qeeper argv` prints has none of it. Default: no.
   */
  tie?: "socket" | undefined;
}
