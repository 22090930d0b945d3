import { readEnd } from "./qemu_process.ts";

/** How much of what the guest said goes into a verdict, in characters. */
const CONSOLE_TAIL_CHARS = 4 * 1024;

/**
 * Reads the end of a console's log.
 *
 * @param file The log, which QEMU writes.
 * @returns As much as a verdict has of it; empty where there is none.
 */
export async function readConsoleTail(file: string): Promise<string> {
  try {
    return new TextDecoder().decode(await readEnd(file, CONSOLE_TAIL_CHARS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
