/**
 * Sends a signal to a process that may have ended.
 *
 * @param child The process.
 * @param signal The signal.
 */
export function killIfThere(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
