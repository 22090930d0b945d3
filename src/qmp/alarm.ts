/** A timer holds at most this many milliseconds, 24 days; whatever is longer is no limit. */
export const MAX_TIMER_MS = 0x7fffffff;

/** A timer that goes off so much too late, in milliseconds, says that this process stood still. */
export const LATE_MS = 5;

/**
 * Calls back once after a time, unless it is disposed of first; until then it keeps the process alive, as a timer does.
 *
 * For waits that are few and mostly end early. The first look at `setTimeout` costs a script 4 to 6 ms, since Deno loads Node's timers then (measured
 * on 2.9.6); an `AbortSignal.timeout` costs 0.3 ms. Of one that was disposed of, a timer that does nothing is left until its time has come, so it is not for
 * waits of which there are thousands a second.
 *
 * A process that stood still hears first what came meanwhile, as a rule: Deno has timers that are due go off before it reads sockets, so one that is
 * late lets a turn of the event loop go by.
 *
 * @param ms When, in milliseconds from now; at once when it is negative, and never when it is more than `MAX_TIMER_MS`.
 * @param ring Called then.
 * @returns To be disposed of when it is not wanted any more.
 */
export function alarm(ms: number, ring: () => void): Disposable {
  if (!(ms <= MAX_TIMER_MS)) return { [Symbol.dispose]() {} };
  const waitMs = Math.max(0, Math.ceil(ms));
  const dueMs = performance.now() + waitMs;
  let signal = AbortSignal.timeout(waitMs);
  const due = () => {
    if (performance.now() - dueMs <= LATE_MS) return ring();
    signal = AbortSignal.timeout(0);
    signal.addEventListener("abort", ring, { once: true });
  };
  signal.addEventListener("abort", due, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", due);
      signal.removeEventListener("abort", ring);
    },
  };
}
