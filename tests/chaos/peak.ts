/** The most that any supervisor had, while all was as it has to be. */
export interface Peak {
  /** Files, sockets and pipes. */
  readonly descriptors: number;
  readonly timers: number;
}

/** Nothing was seen yet. */
export const NO_PEAK: Peak = { descriptors: 0, timers: 0 };

/** The higher of both. */
export function peakOf(a: Peak, b: Peak): Peak {
  return {
    descriptors: Math.max(a.descriptors, b.descriptors),
    timers: Math.max(a.timers, b.timers),
  };
}
