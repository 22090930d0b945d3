import type { ConsoleMatch, SerialConsole } from "../../vm/mod.ts";
import type { GuestConsoleOptions, GuestExpectOptions, TypeLineOptions } from "../console/console_options.ts";
import { GuestConsole } from "../console/guest_console.ts";
import type { WaitGuard } from "./wait_guard.ts";

/** What a console of a VM that belongs to a test is made with. */
export interface WatchedConsoleOptions extends GuestConsoleOptions {
  /** Goes with each wait. */
  guard: WaitGuard;
  /** Told what is typed. */
  onTyped(text: string): void;
  /** Told of secrets that are typed. */
  onSecret(text: string): void;
}

/** The console of a VM that belongs to a test: its waits end when the guest fails, in whatever way. */
export class WatchedConsole extends GuestConsole {
  readonly #options: WatchedConsoleOptions;

  /**
   * @param serial The VM's console.
   * @param options What goes with it.
   */
  constructor(serial: SerialConsole, options: WatchedConsoleOptions) {
    super(serial, options);
    this.#options = options;
  }

  override async expect(pattern: string | RegExp, options: GuestExpectOptions = {}): Promise<ConsoleMatch> {
    return await this.#options.guard.run(
      options.signal,
      (signal) => super.expect(pattern, { ...options, signal }),
    );
  }

  override async write(data: string | Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#options.onTyped(typeof data === "string" ? data : new TextDecoder().decode(data));
    await this.#options.guard.run(options.signal, (signal) => super.write(data, { ...options, signal }));
  }

  override async type(line: string, options: TypeLineOptions = {}): Promise<void> {
    if (options.secret && line !== "") this.#options.onSecret(line);
    this.#options.onTyped(`${line}\n`);
    await this.#options.guard.run(options.signal, (signal) => super.type(line, { ...options, signal }));
  }
}
