/**
 * Waits for something that never rejects, but not longer than this.
 *
 * @param ms How long at most, in milliseconds.
 * @param awaited What is waited for.
 * @returns Whether it came in that time.
 */
export async function within(ms: number, awaited: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const came = await Promise.race([awaited.then(() => true), limit]);
  clearTimeout(timer);
  return came;
}
