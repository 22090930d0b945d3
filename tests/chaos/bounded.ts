/** How long anything may take to come about, in milliseconds. */
export const LIMIT_MS = 20_000;

/** Between two looks where nothing tells of a change, in milliseconds. */
const LOOK_MS = 10;

/**
 * Waits until nothing is missing.
 *
 * @param what What is waited for, for the message.
 * @param missing Looks, and says what is missing: null when nothing is.
 * @param limitMs How long that may take.
 * @throws {Error} When something is missing after that; it names it.
 */
export async function untilNothingIsMissing(
  what: string,
  missing: () => Promise<string | null> | string | null,
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = await missing();
    if (found === null) return;
    if (performance.now() > until) {
      throw new Error(`${what}: after ${limitMs / 1000} s still missing: ${found}`);
    }
    await pause(LOOK_MS);
  }
}

/**
 * Waits for something that ends by itself.
 *
 * @param what What is waited for, for the message.
 * @param waiting It.
 * @param limitMs How long it may take.
 * @returns What it comes to.
 * @throws {Error} When it takes longer.
 */
export async function inTime<T>(what: string, waiting: Promise<T>, limitMs: number = LIMIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets so many milliseconds go by: for faults that last, and between two looks. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
