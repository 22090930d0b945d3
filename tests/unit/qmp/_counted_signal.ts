/** An abort signal that knows how many listeners it has. */
export class CountedController extends AbortController {
  readonly #listeners = new Set<unknown>();

  constructor() {
    super();
    const { signal } = this;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: unknown, options?: unknown) => {
      this.#listeners.add(listener);
      add(type, listener as EventListener, options as AddEventListenerOptions);
    };
    signal.removeEventListener = (type: string, listener: unknown, options?: unknown) => {
      this.#listeners.delete(listener);
      remove(type, listener as EventListener, options as EventListenerOptions);
    };
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
