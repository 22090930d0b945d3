/** What `deadline` takes beside its time. */
export interface DeadlineOptions {
  /** Ends the wait early; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}
/** `p`, or a rejection with a `TimeoutError` once `ms` milliseconds have passed. */
export function deadline<T>(p: Promise<T>, ms: number, options?: DeadlineOptions): Promise<T>;
