/**
 * Looks through all processes for QEMUs that were launched into a run directory. This finds one that is only just starting as well, which has
 * neither pidfile nor socket yet.
 *
 * @returns The process of each pidfile that a command line names; null where this script may not look (it needs `-A` on Linux).
 */
export async function findByPidFile(): Promise<ReadonlyMap<string, number> | null> {
  const found = new Map<string, number>();
  try {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const argv = await commandLine(name);
      const option = argv.indexOf("-pidfile");
      const file = argv[option + 1];
      if (option >= 0 && file !== undefined) found.set(file, Number(name));
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  return found;
}

/** Empty for a process that has ended since, and for a zombie. */
async function commandLine(pid: string): Promise<string[]> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return [];
  }
}
