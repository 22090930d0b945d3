/** A QEMU, as `/proc` has it. */
export interface FoundQemu {
  readonly guest: string;
  readonly pid: number;
}

/**
 * Looks for the QEMUs that have something of a folder on their command lines. A process that has ended has none any more, also before its
 * parent has asked for its status.
 *
 * @param folder The folder.
 * @returns The QEMUs, by the names of their guests.
 */
export async function findQemus(folder: string): Promise<FoundQemu[]> {
  const found: FoundQemu[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const argv = await commandLine(name);
    // The shell that starts it has the same words, but is not it yet.
    if (!argv[0]?.includes("qemu-system") || !argv.some((word) => word.includes(`${folder}/`))) continue;
    const guest = /^guest=(.*)$/.exec(argv[argv.indexOf("-name") + 1] ?? "")?.[1] ?? "?";
    found.push({ guest, pid: Number(name) });
  }
  return found.sort((a, b) => a.guest.localeCompare(b.guest) || a.pid - b.pid);
}

async function commandLine(pid: string): Promise<string[]> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
  } catch {
    return [];
  }
}

/** How many files, sockets and pipes a process has open. */
export async function countDescriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}
