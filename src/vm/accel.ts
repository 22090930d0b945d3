import { probeRom } from "./probe_rom.ts";
import { runRoot } from "./run_dir.ts";

/** How long the probe guest may take, in milliseconds: it needs 70 with everything well, and 2,300 where KVM only works in name. */
const PROBE_MS = 1_000;
/** What the probe guest's isa-debug-exit value, 0x2a, becomes as QEMU's exit code. */
const PROBE_EXIT_CODE = 85;

/** What executes the guest's instructions. */
export type Accel = "kvm" | "hvf" | "tcg";

/** An accelerator, and why it was chosen, in words. */
export interface AccelChoice {
  accel: Accel;
  reason: string;
}

/** For which QEMU an accelerator is chosen. */
export interface AccelRequest {
  /** The binary, as it is spawned. */
  binary: string;
  /** The architecture that it emulates. */
  arch: string;
  /** A directory for the probe's firmware image. */
  dir: string;
}

/**
 * Chooses the accelerator. `auto` trusts neither `/dev/kvm` nor QEMU's word: on some machines KVM opens, QEMU says that it is enabled, and
 * the guest runs a thousand times too slowly. So a small guest is run with it against the clock, once a boot for each binary.
 *
 * @param wanted What the config says.
 * @param request For which QEMU.
 * @returns The accelerator and the reason.
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
  await cache?.write(choice);
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

async function probe(accel: "kvm" | "hvf", request: AccelRequest): Promise<AccelChoice> {
  const rom = `${request.dir}/probe.rom`;
  await Deno.writeFile(rom, probeRom());
  try {
    const args = [
      "-machine",
      "pc",
      "-accel",
      accel,
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-m",
      "16",
    ];
    const startedMs = performance.now();
    const child = new Deno.Command(request.binary, {
      args: [...args, "-device", "isa-debug-exit", "-bios", rom],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), PROBE_MS);
    const { code, signal, stderr } = await child.output();
    clearTimeout(timer);
    const ms = Math.round(performance.now() - startedMs);
    if (code === PROBE_EXIT_CODE) return { accel, reason: `${accel} ran a probe guest in ${ms} ms` };
    if (signal === "SIGKILL") {
      return {
        accel: "tcg",
        reason: `${accel} is there but too slow: a probe guest of 70 ms did not finish in ${PROBE_MS} ms`,
      };
    }
    const words = new TextDecoder().decode(stderr).trim().split("\n")[0] ?? "";
    return { accel: "tcg", reason: `${accel} does not work (exit code ${code}): ${words}` };
  } catch (error) {
    // Without a binary there is nothing to accelerate; the launch itself says so better.
    if (error instanceof Deno.errors.NotFound) {
      return { accel: "tcg", reason: `there is no ${request.binary}` };
    }
    throw error;
  } finally {
    await Deno.remove(rom);
  }
}

interface AccelCache {
  read(): Promise<AccelChoice | null>;
  write(choice: AccelChoice): Promise<void>;
}

/** The probe's results, by binary and boot; null where this script may not know which boot it is. */
async function openCache(binary: string): Promise<AccelCache | null> {
  const boot = await readIfAllowed("/proc/sys/kernel/random/boot_id");
  if (boot === null) return null;
  const key = `${boot.trim()} ${binary} ${await fingerprint(binary)}`;
  const name = binary.slice(binary.lastIndexOf("/") + 1).replace(/[^\w.-]/g, "_");
  const file = `${await runRoot()}/accel-${name}.json`;
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
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
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
