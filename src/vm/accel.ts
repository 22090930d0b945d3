import { probeRom } from "./probe_rom.ts";
import { type SpawnedProcess, spawnQemu } from "./qemu_process.ts";
import { runRoot } from "./run_dir.ts";
import { inTime } from "./waiting.ts";

/** How long the probe guest may take, in milliseconds: it needs 70 with everything well, and 2,300 where KVM only works in name. */
const PROBE_MS = 1_000;
/** What the probe guest's isa-debug-exit value, 0x2a, becomes as QEMU's exit code. */
const PROBE_EXIT_CODE = 85;

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
  const cache = await openCache(request.binary);
  const known = await cache?.read();
  if (known) return known;
  const choice = await probe(native, request);
  // The launch itself says better what is wrong with the binary.
  if (choice === null) return { accel: "tcg", reason: `${request.binary} can't be started` };
  // Where it can't be remembered it is measured again; that is no reason not to go on.
  await cache?.write(choice).catch(() => {});
  return choice;
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

/** Null when there is no QEMU to be started. */
async function probe(accel: "kvm" | "hvf", request: AccelRequest): Promise<AccelChoice | null> {
  const rom = `${request.dir}/probe.rom`;
  await Deno.writeFile(rom, probeRom());
  try {
    return await runProbe(accel, rom, request);
  } finally {
    await Deno.remove(rom);
  }
}

async function runProbe(
  accel: "kvm" | "hvf",
  rom: string,
  request: AccelRequest,
): Promise<AccelChoice | null> {
  const { binary, dir, signal, tie = "none" } = request;
  signal?.throwIfAborted();
  const argv = [
    ...[binary, "-machine", "pc", "-accel", accel, "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-m", "16", "-device", "isa-debug-exit", "-bios", rom],
  ];
  const startedMs = performance.now();
  const process = spawnIfThere(argv, dir, tie);
  if (process === null) return null;
  const stop = () => process.signal("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  const inGoodTime = await inTime(process.exited, PROBE_MS);
  stop();
  const exit = await process.exited;
  signal?.removeEventListener("abort", stop);
  signal?.throwIfAborted();
  const ms = Math.round(performance.now() - startedMs);
  if (!inGoodTime) {
    return {
      accel: "tcg",
      reason: `${accel} is there but too slow: a probe guest of 70 ms did not finish in ${PROBE_MS} ms`,
    };
  }
  if (exit.code === PROBE_EXIT_CODE) return { accel, reason: `${accel} ran a probe guest in ${ms} ms` };
  const words = process.stderrTail().trim().split("\n")[0] ?? "";
  if (words.startsWith("setpriv:")) return null;
  return { accel: "tcg", reason: `${accel} does not work (exit code ${exit.code}): ${words}` };
}

function spawnIfThere(argv: readonly string[], cwd: string, tie: "setpriv" | "none"): SpawnedProcess | null {
  // A probe that a Ctrl-C ended says nothing about the accelerator.
  const session = tie === "setpriv" ? "own" : "shared";
  try {
    return spawnQemu({ argv, cwd, lifetime: { kind: "owned" }, stdio: "null", tie, session });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}

interface AccelCache {
  read(): Promise<AccelChoice | null>;
  write(choice: AccelChoice): Promise<void>;
}

/** The probe's results, by binary and boot; null where this script may not know which boot it is, or has no place for them. */
async function openCache(binary: string): Promise<AccelCache | null> {
  const boot = await readIfAllowed("/proc/sys/kernel/random/boot_id");
  const root = boot === null ? null : await runRoot().catch(() => null);
  if (boot === null || root === null) return null;
  const key = `${boot.trim()} ${binary} ${await fingerprint(binary)}`;
  const name = binary.slice(binary.lastIndexOf("/") + 1).replace(/[^\w.-]/g, "_");
  const file = `${root}/accel-${name}.json`;
  return {
    async read() {
      try {
        const known = JSON.parse(await Deno.readTextFile(file));
        if (known?.key !== key || !["kvm", "hvf", "tcg"].includes(known.accel)) return null;
        return { accel: known.accel, reason: `${known.reason} (measured earlier since this boot)` };
      } catch {
        // Missing, damaged or not ours: it is measured again.
        return null;
      }
    },
    async write(choice) {
      const temporary = `${file}.${crypto.randomUUID().slice(0, 8)}`;
      await Deno.writeTextFile(temporary, JSON.stringify({ key, ...choice }), { mode: 0o600 });
      await Deno.rename(temporary, file);
    },
  };
}

/** Changes when the binary does. */
async function fingerprint(binary: string): Promise<string> {
  const path = binary.includes("/") ? [] : (Deno.env.get("PATH") ?? "").split(":");
  for (const candidate of binary.includes("/") ? [binary] : path.map((dir) => `${dir}/${binary}`)) {
    try {
      const { size, mtime } = await Deno.stat(candidate);
      return `${candidate} ${size} ${mtime?.getTime()}`;
    } catch {
      // Not there, or in a directory that this user may not look into: then it is not what is started either.
    }
  }
  return "missing";
}

async function readIfAllowed(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
