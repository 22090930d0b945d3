import type { EventStream } from "../../qmp/mod.ts";
import type { ConsoleExpectOptions, ConsoleMatch, SerialConsole } from "../../vm/mod.ts";
import type { WaitGuard } from "./wait_guard.ts";

/** The console of a VM that belongs to a test. */
export class GuestConsole {
  readonly #serial: SerialConsole | null;
  readonly #guard: WaitGuard;
  readonly #vm: string;

  constructor(serial: SerialConsole | null, guard: WaitGuard, vm: string) {
    this.#serial = serial;
    this.#guard = guard;
    this.#vm = vm;
  }

  get #there(): SerialConsole {
    if (this.#serial !== null) return this.#serial;
    throw new TypeError(`Cannot use the console of VM "${this.#vm}": its config has none`);
  }

  get transcript(): string {
    return this.#there.transcript;
  }

  async expect(pattern: string | RegExp, options: ConsoleExpectOptions = {}): Promise<ConsoleMatch> {
    const serial = this.#there;
    return await this.#guard.run(
      options.signal,
      (signal) => serial.expect(pattern, { ...options, signal }),
    );
  }

  async write(data: string | Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    const serial = this.#there;
    await this.#guard.run(options.signal, (signal) => serial.write(data, { signal }));
  }

  output(): EventStream<Uint8Array> {
    return this.#there.output();
  }
}
