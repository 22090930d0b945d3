/**
 * Waits for something that never rejects, but not longer than this.
 *
 * @param ms How long at most, in milliseconds.
 * @param awaited What is waited for.
 */
export async function within(ms: number, awaited: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([awaited, limit]);
  clearTimeout(timer);
}
