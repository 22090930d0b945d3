/** What the compiler has to know of the machine that it runs on: measured by the launcher, plain values here. */
export interface HostFacts {
  /** The QEMU binary as it is spawned: a path, or a name on PATH. The first element of argv. */
  binary: string;
  /** The architecture that the binary emulates, as its name has it: `"x86_64"`, `"aarch64"`... */
  arch: string;
  /** The accelerator to use: what `"auto"` came to. */
  accel: "kvm" | "hvf" | "tcg";
  /** Whether the binary takes `-sandbox`. */
  sandbox: boolean;
}
