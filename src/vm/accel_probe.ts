import type { AccelChoice, AccelRequest } from "./accel.ts";
import { probeRom } from "./probe_rom.ts";
import { type SpawnedProcess, spawnQemu } from "./qemu_process.ts";
import { runRoot } from "./run_root.ts";
import { inTime } from "./waiting.ts";

/** How long the probe guest may take, in milliseconds: it needs 70 with everything well, and 2,300 where KVM only works in name. */
const PROBE_MS = 1_000;
/** How often it is tried: what takes longer each time is too slow. */
const TRIES = 2;
/** What the probe guest's isa-debug-exit value, 0x2a, becomes as QEMU's exit code. */
const PROBE_EXIT_CODE = 85;

/**
 * Measures whether an accelerator works at its speed, once a boot for each binary.
 *
 * @param native The accelerator that this host would have.
 * @param request For which QEMU.
 * @returns That accelerator, or tcg, and the reason.
 */
export async function measureAccel(native: "kvm" | "hvf", request: AccelRequest): Promise<AccelChoice> {
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

/** Null when there is no QEMU to be started. */
async function probe(accel: "kvm" | "hvf", request: AccelRequest): Promise<AccelChoice | null> {
  // The folder may be many processes' own, each of which measures for itself.
  const rom = `${request.dir}/probe-${crypto.randomUUID().slice(0, 8)}.rom`;
  await Deno.writeFile(rom, probeRom());
  try {
    // A host that stands still for a moment says nothing about the accelerator, and what is found is remembered.
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await runProbe(accel, rom, request);
      if (found !== "too slow") return found;
    }
    return {
      accel: "tcg",
      reason:
        `${accel} is there but too slow: a probe guest of 70 ms did not finish in ${PROBE_MS} ms, ${TRIES} times`,
    };
  } finally {
    await Deno.remove(rom);
  }
}

async function runProbe(
  accel: "kvm" | "hvf",
  rom: string,
  request: AccelRequest,
): Promise<AccelChoice | "too slow" | null> {
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
  if (!inGoodTime) return "too slow";
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
  const found = await find(binary);
  const key = `${boot.trim()} ${found.path} ${found.print}`;
  const name = binary.slice(binary.lastIndexOf("/") + 1).replace(/[^\w.-]/g, "_");
  // Two binaries of one name have a file each.
  const file = `${root}/accel-${name}-${await shortHash(found.path)}.json`;
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

/** Where a binary is, and what changes when it does. */
async function find(binary: string): Promise<{ path: string; print: string }> {
  const path = binary.includes("/") ? [] : (Deno.env.get("PATH") ?? "").split(":");
  for (const candidate of binary.includes("/") ? [binary] : path.map((dir) => `${dir}/${binary}`)) {
    try {
      const { size, mtime } = await Deno.stat(candidate);
      return { path: await Deno.realPath(candidate), print: `${size} ${mtime?.getTime()}` };
    } catch {
      // Not there, or in a directory that this user may not look into: then it is not what is started either.
    }
  }
  return { path: binary, print: "missing" };
}

async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}

async function readIfAllowed(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
