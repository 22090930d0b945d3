/** A QEMU to test with. */
export interface TestQemu {
  /** What `VmConfig.binary` is to be. */
  readonly binary: string;
  /** For the names of tests. Where it isn't there it says why. */
  readonly name: string;
  /** Whether it is not there. */
  readonly ignore: boolean;
}

/** Where setup unpacks a QEMU 10, on Debian 12. */
const QEMU_10 = new URL("../../.cache/qemu-10/qemu-system-x86_64", import.meta.url).pathname;
const hasQemu10 = await Deno.stat(QEMU_10).then(() => true, () => false);

/** The system's QEMU, and QEMU 10 beside it. */
export const QEMUS: readonly TestQemu[] = [
  { binary: "qemu-system-x86_64", name: "the system's QEMU", ignore: false },
  {
    binary: QEMU_10,
    name: hasQemu10 ? "QEMU 10" : "QEMU 10 (which is not in .cache/qemu-10: deno task setup says why)",
    ignore: !hasQemu10,
  },
];
