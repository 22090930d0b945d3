import { delay } from "@std/async/delay";
import type { Vm, VmCallOptions } from "../../vm/mod.ts";
import type { EvidenceRecord } from "../evidence/record.ts";
import { expectScreen, type ExpectScreenOptions } from "../screen/expect_screen.ts";
import { Film, type FilmOptions } from "../screen/film.ts";
import { type KeyboardOptions, pressKeys, typeText } from "../screen/keyboard.ts";
import { clickMouse, type MouseButton, moveMouse, moveMouseBy } from "../screen/mouse.ts";
import {
  expectScreenText,
  type ExpectScreenTextOptions,
  readTextScreen,
  type TextScreen,
} from "../screen/text_screen.ts";
import type { GuestMouse } from "./test_vm.ts";
import type { WaitGuard } from "./wait_guard.ts";

/** How long the pictures of a film may take to be put together for the evidence, in milliseconds. */
const FILM_MS = 5_000;

/** Screen, keyboard and mouse of a VM that belongs to a test. */
export class WatchedScreen {
  /** The mouse. */
  readonly mouse: GuestMouse;
  readonly #vm: Vm;
  readonly #guard: WaitGuard;
  readonly #record: EvidenceRecord;
  readonly #films: Film[] = [];

  /**
   * @param vm The VM.
   * @param guard Goes with each call.
   * @param record Told what is typed, and given pictures.
   */
  constructor(vm: Vm, guard: WaitGuard, record: EvidenceRecord) {
    this.#vm = vm;
    this.#guard = guard;
    this.#record = record;
    this.mouse = {
      move: (place, options = {}) => this.#call(options, (passed) => moveMouse(vm, place, passed)),
      moveBy: (by, options = {}) => this.#call(options, (passed) => moveMouseBy(vm, by, passed)),
      click: (button, options = {}) => this.#call(options, (passed) => this.#click(button, passed)),
    };
  }

  async type(text: string, options: KeyboardOptions = {}): Promise<void> {
    this.#record.typed(text, "keyboard");
    await this.#call(options, (passed) => typeText(this.#vm.qmp, text, passed));
  }

  async press(keys: string, options: KeyboardOptions = {}): Promise<void> {
    this.#record.typed(`<${keys}>`, "keyboard");
    await this.#call(options, (passed) => pressKeys(this.#vm.qmp, keys, passed));
  }

  async expect(png: Uint8Array | string, options: ExpectScreenOptions = {}): Promise<void> {
    const evidence = options.evidence ?? this.#record;
    await this.#call(options, (passed) => expectScreen(this.#vm, png, { evidence, ...passed }));
  }

  async text(options: VmCallOptions = {}): Promise<string> {
    return await this.#call(options, async (passed) => (await readTextScreen(this.#vm, passed)).text);
  }

  async expectText(pattern: string | RegExp, options: ExpectScreenTextOptions = {}): Promise<TextScreen> {
    return await this.#call(options, (passed) => expectScreenText(this.#vm, pattern, passed));
  }

  film(options: FilmOptions = {}): Film {
    const film = new Film(this.#vm, options);
    this.#films.push(film);
    return film;
  }

  /** Gives the films to the evidence, each as one picture that moves. */
  async keepFilms(): Promise<void> {
    for (const film of this.#films) {
      const over = new AbortController();
      const late = delay(FILM_MS, { signal: over.signal }).then(() => null, () => null);
      const picture = await Promise.race([film.apng(), late]);
      over.abort();
      if (picture !== null) this.#record.picture("film.png", picture, "The screen, as a film");
    }
  }

  /** Ends the films. */
  async close(): Promise<void> {
    for (const film of this.#films) await film.stop();
  }

  async #click(button: MouseButton | undefined, options: VmCallOptions): Promise<void> {
    await clickMouse(this.#vm, button, options);
  }

  async #call<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return await this.#guard.run(options.signal, (signal) => act({ ...options, signal }));
  }
}
