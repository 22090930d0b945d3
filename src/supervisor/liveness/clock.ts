import type { ClockReading } from "./clock_jump.ts";

/** A timer that was set. */
export interface SetTimer {
  cancel(): void;
}

/** Where a watch has its time from; tests have a clock of their own. */
export interface Clock {
  /** Both clocks at one moment. */
  read(): ClockReading;
  /** Calls back once after so long. It does not keep the process alive. */
  after(ms: number, due: () => void): SetTimer;
}

/** Between two readings this process may be put aside; with more than this between them, in milliseconds, they are taken again. */
const CLOSE_ENOUGH_MS = 20;

/** The clocks of this machine. */
export const machineClock: Clock = {
  read(): ClockReading {
    let monoMs = performance.now();
    for (;;) {
      const wallMs = Date.now();
      const thenMs = performance.now();
      if (thenMs - monoMs < CLOSE_ENOUGH_MS) return { wallMs, monoMs: thenMs };
      monoMs = thenMs;
    }
  },
  after(ms: number, due: () => void): SetTimer {
    const timer = setTimeout(due, ms);
    Deno.unrefTimer(timer);
    return { cancel: () => clearTimeout(timer) };
  },
};
