import { alarm } from "../qmp/alarm.ts";

/**
 * Waits for a promise, but not for ever.
 *
 * @param promise What is waited for.
 * @param ms How long at most; `Infinity` for as long as it takes.
 * @returns Whether it was fulfilled in time. A rejection in time is thrown, a later one is its owner's.
 */
export async function inTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const fulfilled = promise.then(() => true as const);
  const { promise: late, resolve } = Promise.withResolvers<false>();
  using _limit = alarm(ms, () => resolve(false));
  return await Promise.race([fulfilled, late]);
}

/**
 * Lets whoever is waited for by others go on first.
 *
 * @returns Resolves in a later turn of the event loop.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    alarm(0, resolve);
  });
}
