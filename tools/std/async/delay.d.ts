/** What `delay` takes beside its time. */
export interface DelayOptions {
  /** Ends the wait early; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** `false` lets the process end while this timer is pending. */
  persistent?: boolean;
}
/** Resolves after `ms` milliseconds. */
export function delay(ms: number, options?: DelayOptions): Promise<void>;
