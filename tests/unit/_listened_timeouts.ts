/** How many of the time limits that were made with `AbortSignal.timeout` are listened to. Deno's sanitizers see none of them. */
export interface ListenedTimeouts extends Disposable {
  readonly listened: number;
}

/** Counts them until it is disposed of. */
export function listenedTimeouts(): ListenedTimeouts {
  const real = AbortSignal.timeout;
  const listeners = new Set<unknown>();
  AbortSignal.timeout = (ms) => {
    const signal = real.call(AbortSignal, ms);
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: unknown, options?: unknown) => {
      listeners.add(listener);
      add(type, listener as EventListener, options as AddEventListenerOptions);
    };
    signal.removeEventListener = (type: string, listener: unknown, options?: unknown) => {
      listeners.delete(listener);
      remove(type, listener as EventListener, options as EventListenerOptions);
    };
    return signal;
  };
  return {
    get listened() {
      return listeners.size;
    },
    [Symbol.dispose]: () => void (AbortSignal.timeout = real),
  };
}
