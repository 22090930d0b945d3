import { readArgv } from "./proc.ts";

/** A QEMU that was launched into a run directory, by its command line. */
export interface LaunchedQemu {
  pid: number;
  pidFile: string;
  /** What `-uuid` says; null where nothing does. */
  uuid: string | null;
  /** What `-name` says, as it stands there; null where nothing does. */
  name: string | null;
}

/**
 * Looks through all processes for QEMUs that were launched into a run directory. This finds one that is only just starting as well, which has
 * neither pidfile nor socket yet.
 *
 * @returns The QEMUs; null where this script may not look (it needs `-A` on Linux).
 */
export async function findLaunched(): Promise<readonly LaunchedQemu[] | null> {
  const found: LaunchedQemu[] = [];
  try {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const argv = await commandLine(Number(name));
      const pidFile = valueOf("-pidfile", argv);
      if (pidFile === null) continue;
      found.push({ pid: Number(name), pidFile, uuid: valueOf("-uuid", argv), name: valueOf("-name", argv) });
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  return found;
}

function valueOf(option: string, argv: readonly string[]): string | null {
  const at = argv.indexOf(option);
  return at < 0 ? null : argv[at + 1] ?? null;
}

/** Empty for a process that has ended since, and for a zombie. */
async function commandLine(pid: number): Promise<string[]> {
  try {
    return await readArgv(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return [];
  }
}
