/**
 * What executes the guest's instructions: the host's processor (by KVM on Linux, by Hypervisor.framework on macOS), or QEMU itself.
 *
 * @example
 * ```ts
 * import { type Accel, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const accel: Accel = "tcg";
 * await using vm = await launch({ machine: "none", accel });
 * assertEquals((await vm.qmp.execute("query-kvm")).enabled, false);
 * ```
 */
export type Accel = "kvm" | "hvf" | "tcg";

/**
 * An accelerator, and why it was chosen, in words.
 *
 * @example
 * ```ts
 * import { type AccelChoice, chooseAccel } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const request = { binary: "qemu-system-s390x", arch: "s390x", dir: "/tmp" };
 * const choice: AccelChoice = await chooseAccel("tcg", request);
 * assertEquals(choice, { accel: "tcg", reason: "asked for tcg" });
 * ```
 */
export interface AccelChoice {
  accel: Accel;
  reason: string;
}

/**
 * For which QEMU an accelerator is chosen.
 *
 * @example
 * ```ts
 * import { type AccelRequest, chooseAccel } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * // No host runs its instructions by itself, so there is nothing to measure.
 * const request: AccelRequest = { binary: "qemu-system-m68k", arch: "m68k", dir: "/tmp" };
 * assertEquals((await chooseAccel("auto", request)).accel, "tcg");
 * ```
 */
export interface AccelRequest {
  /** The binary, as it is spawned. */
  binary: string;
  /** The architecture that it emulates. */
  arch: string;
  /** A directory for the probe's firmware image. */
  dir: string;
  /** Gives up the measurement; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether `setpriv` can end the probe with this process, should that be killed. Default `none`. */
  tie?: "setpriv" | "none";
}

/**
 * Chooses the accelerator. `auto` trusts neither `/dev/kvm` nor QEMU's word: on some machines KVM opens, QEMU says that it is enabled, and
 * the guest runs a thousand times too slowly. So a small guest is run with it against the clock, once a boot for each binary.
 *
 * @param wanted What the config says.
 * @param request For which QEMU.
 * @returns The accelerator and the reason.
 *
 * @example
 * ```ts
 * import { chooseAccel } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const { accel, reason } = await chooseAccel("auto", { binary: "qemu-system-x86_64", arch: "x86_64", dir });
 * assert(["kvm", "hvf", "tcg"].includes(accel));
 * assert(reason !== ""); // such as "kvm ran a probe guest in 64 ms"
 * await Deno.remove(dir);
 * ```
 */
export async function chooseAccel(wanted: "auto" | Accel, request: AccelRequest): Promise<AccelChoice> {
  if (wanted !== "auto") return { accel: wanted, reason: `asked for ${wanted}` };
  const native = nativeAccel();
  if (native === null) return { accel: "tcg", reason: `there is no other accelerator on ${Deno.build.os}` };
  if (!runsNatively(request.arch)) {
    return {
      accel: "tcg",
      reason: `a ${request.arch} guest has to be emulated on a ${Deno.build.arch} host`,
    };
  }
  if (native === "kvm" && await isMissing("/dev/kvm")) {
    return { accel: "tcg", reason: "there is no /dev/kvm" };
  }
  if (Deno.build.arch !== "x86_64") {
    return { accel: native, reason: `not measured: there is no probe guest for ${Deno.build.arch} yet` };
  }
  // A guest that names its accelerator does without.
  const { measureAccel } = await import("./accel_probe.ts");
  return await measureAccel(native, request);
}

function nativeAccel(): "kvm" | "hvf" | null {
  switch (Deno.build.os) {
    case "linux":
      return "kvm";
    case "darwin":
      return "hvf";
    default:
      return null;
  }
}

function runsNatively(arch: string): boolean {
  return arch === Deno.build.arch || (arch === "i386" && Deno.build.arch === "x86_64");
}

/** Is a file known to be missing? A file that this script may not look at is not. */
async function isMissing(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
