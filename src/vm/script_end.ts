/**
 * Runs something at the very end of this script, when there is no time to wait for anything: at `Deno.exit()`, and, where `errors` is
 * `end`, at an error that nobody catches. Disposing takes it back.
 *
 * An uncaught error is looked at when it is reported: one that a handler has prevented from ending the script does not count. A
 * script that is killed runs nothing.
 */
export class ScriptEnd implements Disposable {
  readonly #atEnd: (event: Event) => void;
  readonly #names: readonly string[];

  /**
   * @param last What is done; it can't wait for anything.
   * @param errors Whether an uncaught error counts (`end`), or not (`ignore`).
   */
  constructor(last: () => void, errors: "end" | "ignore") {
    this.#names = errors === "end" ? ["unload", "error", "unhandledrejection"] : ["unload"];
    this.#atEnd = (event) => {
      if (!event.defaultPrevented) last();
    };
    for (const name of this.#names) globalThis.addEventListener(name, this.#atEnd);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) globalThis.removeEventListener(name, this.#atEnd);
  }
}
