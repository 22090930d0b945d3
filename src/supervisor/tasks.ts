/** What is being done beside the decisions, to be waited for at the end. None of it may reject. */
export class Tasks {
  readonly #running = new Set<Promise<void>>();

  /** Remembers work until it is done. */
  add(work: Promise<void>): void {
    const task = work.finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Waits until nothing is being done, and nothing more was begun meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
