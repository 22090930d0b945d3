/** A timer holds at most this many milliseconds, 24 days; whatever is longer is no limit. */
export const MAX_TIMER_MS = 0x7fffffff;

/**
 * Waits for a promise, but not for ever.
 *
 * @param promise What is waited for.
 * @param ms How long at most; `Infinity` for as long as it takes.
 * @returns Whether it was fulfilled in time. A rejection in time is thrown, a later one is its owner's.
 */
export async function inTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fulfilled = promise.then(() => true as const);
  const limit = new Promise<false>((resolve) => {
    if (ms <= MAX_TIMER_MS) timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([fulfilled, limit]);
  } finally {
    clearTimeout(timer);
  }
}
