/** Keeps all timers that are made until it is disposed of. */
export function recordTimers(): { timers: ReturnType<typeof setTimeout>[] } & Disposable {
  const real = globalThis.setTimeout;
  const timers: ReturnType<typeof setTimeout>[] = [];
  globalThis.setTimeout = ((...args: Parameters<typeof real>) => {
    const timer = real(...args);
    timers.push(timer);
    return timer;
  }) as typeof real;
  return { timers, [Symbol.dispose]: () => void (globalThis.setTimeout = real) };
}
