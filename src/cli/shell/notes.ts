import type { Logger } from "../../qmp/mod.ts";

/**
 * What the library says beside its results, such as that a command is deprecated. It comes when it comes: what is said before somebody
 * listens is kept.
 */
export class Notes implements Logger {
  #kept: string[] = [];
  #listener: ((text: string) => void) | null = null;

  /** Hands notes to a listener, from the first one on. */
  listen(listener: (text: string) => void): void {
    this.#listener = listener;
    for (const text of this.#kept) listener(text);
    this.#kept = [];
  }

  debug(): void {}

  info(): void {}

  warn(message: string): void {
    if (this.#listener === null) this.#kept.push(message);
    else this.#listener(message);
  }

  error(message: string): void {
    this.warn(message);
  }
}
