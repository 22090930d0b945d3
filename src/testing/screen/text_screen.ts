import { delay } from "@std/async/delay";
import type { QmpClient } from "../../qmp/mod.ts";
import type { VmCallOptions } from "../../vm/mod.ts";
import { CRTC_REGISTERS, parseWords, screenTextOf, type TextGeometry, textGeometry } from "./text_mode.ts";

/** How often the screen is looked at, in milliseconds. */
const EVERY_MS = 100;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * A screen in text mode.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, type TextScreen } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
 * const screen: TextScreen = await expectScreenText(vm, "Press ESC for boot menu.");
 * assertEquals([screen.columns, screen.rows], [80, 25]);
 * ```
 */
export interface TextScreen {
  /** Its rows, without spaces at their ends, with a line end between two. */
  readonly text: string;
  readonly columns: number;
  readonly rows: number;
  /** The cursor's place, counted from 0; null when it is off. */
  readonly cursor: { readonly row: number; readonly column: number } | null;
}

/**
 * The screen shows no text that could be read.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { readTextScreen, TextScreenError } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" }, { paused: true });
 * await assertRejects(() => readTextScreen(vm), TextScreenError, "this guest has no VGA");
 * ```
 */
export class TextScreenError extends Error {
  override readonly name = "TextScreenError";
}

/**
 * What the screen was to say, it did not say in time.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, ScreenTextTimeoutError } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", vga: "std" }, { paused: true });
 * await assertRejects(() => expectScreenText(vm, "GRUB", { timeoutMs: 0 }), ScreenTextTimeoutError);
 * ```
 */
export class ScreenTextTimeoutError extends Error {
  override readonly name = "ScreenTextTimeoutError";
  /** What was on the screen last; null when it never was in text mode. */
  readonly screen: string | null;

  /**
   * @param message What was expected, and what was seen.
   * @param screen What was on the screen last.
   * @param options `cause`, if there is one.
   */
  constructor(message: string, screen: string | null, options?: ErrorOptions) {
    super(message, options);
    this.screen = screen;
  }
}

/**
 * What `expectScreenText` takes beside the pattern.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, type ExpectScreenTextOptions } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", vga: "std" }, { paused: true });
 * const options: ExpectScreenTextOptions = { timeoutMs: 100, everyMs: 20 };
 * await assertRejects(() => expectScreenText(vm, "GRUB", options), Error, "within 100 ms");
 * ```
 */
export interface ExpectScreenTextOptions {
  /** How long to wait, in milliseconds. Default 30000. */
  timeoutMs?: number;
  /** How often to look, in milliseconds. Default 100. */
  everyMs?: number;
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Reads the text on the screen of an x86 guest whose graphics card is in text mode (a BIOS, a boot loader's menu, a Linux console without a
 * frame buffer), from the card's memory: no picture is looked at. For the blink of an eye in which the card's registers are read the guest is
 * stopped, since it uses the same ports.
 *
 * @param vm The VM.
 * @param options Signal and time limit of each question to QEMU.
 * @returns The text.
 * @throws {TextScreenError} When the guest has no VGA, or it shows pictures: use `expectScreen()` then.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, readTextScreen } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
 * await expectScreenText(vm, "Press ESC for boot menu.");
 * const { text } = await readTextScreen(vm);
 * assertEquals(text.split("\n")[0]?.slice(0, 7), "SeaBIOS");
 * ```
 */
export async function readTextScreen(
  vm: { readonly qmp: QmpClient },
  options: VmCallOptions = {},
): Promise<TextScreen> {
  const { qmp } = vm;
  const { running } = await qmp.execute("query-status", {}, options);
  if (running) await qmp.execute("stop", {}, options);
  try {
    const geometry = await readGeometry(qmp, options);
    const { address, pitch, rows, columns, cursor } = geometry;
    const count = pitch * (rows - 1) + columns;
    const dump = await hmp(qmp, `xp /${count}hx 0x${address.toString(16)}`, options);
    const words = parseWords(dump);
    if (words.length < count) {
      throw new TextScreenError(
        `Cannot read the screen's text: QEMU's memory dump has ${words.length} of ${count} words`,
      );
    }
    return { text: screenTextOf(words, geometry), columns, rows, cursor };
  } finally {
    // A signal of the caller's must not leave the guest stopped.
    if (running && qmp.open) await qmp.execute("cont");
  }
}

/**
 * Waits until the screen says something.
 *
 * @param vm The VM.
 * @param pattern A text, or a regular expression, to be found in the rows as `readTextScreen` gives them.
 * @param options Time limit (30 s unless told otherwise), signal, how often to look.
 * @returns The screen that said it.
 * @throws {ScreenTextTimeoutError} When it was not there in time; the error shows what was.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, pressKeys } from "@qeeper/qeeper/testing";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
 * await expectScreenText(vm, "Press ESC for boot menu.");
 * await pressKeys(vm.qmp, "esc");
 * const menu = await expectScreenText(vm, /^1\. /m);
 * assertStringIncludes(menu.text, "Select boot device:");
 * ```
 */
export async function expectScreenText(
  vm: { readonly qmp: QmpClient },
  pattern: string | RegExp,
  options: ExpectScreenTextOptions = {},
): Promise<TextScreen> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, everyMs = EVERY_MS, signal } = options;
  const until = performance.now() + timeoutMs;
  const matcher = typeof pattern === "string"
    ? null
    : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  let seen: { text: string } | null = null;
  let cause: unknown;
  for (;;) {
    signal?.throwIfAborted();
    const leftMs = until - performance.now();
    try {
      const screen = await readTextScreen(vm, {
        timeoutMs: Math.max(1_000, leftMs),
        ...(signal ? { signal } : {}),
      });
      seen = screen;
      if (matcher ? matcher.test(screen.text) : screen.text.includes(String(pattern))) return screen;
    } catch (error) {
      // A guest passes through graphics modes on its way.
      if (!(error instanceof TextScreenError)) throw error;
      cause = error;
    }
    if (until - performance.now() < everyMs) throw lateError(pattern, timeoutMs, seen?.text ?? null, cause);
    await delay(everyMs, signal ? { signal } : {});
  }
}

function lateError(
  pattern: string | RegExp,
  timeoutMs: number,
  text: string | null,
  cause: unknown,
): ScreenTextTimeoutError {
  const wanted = typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
  const rows = text?.replace(/\n+$/, "").replace(/^/gm, "  | ");
  const found = rows === undefined
    ? "it was never in text mode"
    : rows === "  | "
    ? "it was empty"
    : `it said:\n${rows}`;
  return new ScreenTextTimeoutError(
    `The screen did not say ${wanted} within ${timeoutMs} ms; ${found}`,
    text,
    text === null ? { cause } : {},
  );
}

async function readGeometry(qmp: QmpClient, options: VmCallOptions): Promise<TextGeometry> {
  const ports = new Ports(qmp, options);
  // 255 is what a port has on which nothing listens.
  const miscellaneous = await ports.read(0x3cc);
  if (miscellaneous === 0xff) {
    throw new TextScreenError('Cannot read the screen\'s text: this guest has no VGA (config: vga: "std")');
  }
  const base = (miscellaneous & 1) !== 0 ? 0x3d4 : 0x3b4;
  const crtc = await ports.indexed(base, CRTC_REGISTERS);
  const [graphics = 0] = await ports.indexed(0x3ce, [6]);
  const extended = await ports.extendedMode();
  const byNumber = Object.fromEntries(CRTC_REGISTERS.map((register, at) => [register, crtc[at] ?? 0]));
  const geometry = textGeometry({ crtc: byNumber, graphics, extended });
  if (geometry === null) {
    throw new TextScreenError(
      "Cannot read the screen's text: the graphics card shows pictures, not text; compare them with expectScreen()",
    );
  }
  return geometry;
}

/** The guest's I/O ports, by QEMU's monitor for people. */
class Ports {
  readonly #qmp: QmpClient;
  readonly #options: VmCallOptions;

  constructor(qmp: QmpClient, options: VmCallOptions) {
    this.#qmp = qmp;
    this.#options = options;
  }

  async read(port: number): Promise<number> {
    const answer = await hmp(this.#qmp, `i /b 0x${port.toString(16)}`, this.#options);
    const value = /= 0x([0-9a-f]+)/.exec(answer)?.[1];
    if (value === undefined) {
      throw new TextScreenError(
        `Cannot read the screen's text: this machine has no ports of a PC (QEMU: ${answer.trim()})`,
      );
    }
    return parseInt(value, 16);
  }

  /** Reads registers that are chosen by number at one port and read at the next. The guest's own choice is put back. */
  async indexed(port: number, registers: readonly number[]): Promise<number[]> {
    const chosen = await this.read(port);
    try {
      // One after the other on the wire, without a wait in between: the monitor keeps their order.
      return await Promise.all(registers.map(async (register) => {
        const [, value] = await Promise.all([this.#write(port, register), this.read(port + 1)]);
        return value;
      }));
    } finally {
      await this.#write(port, chosen);
    }
  }

  /** Whether a mode of the Bochs extensions is on: bit 0 of register 4, words at ports 1ce and 1cf. */
  async extendedMode(): Promise<boolean> {
    const read = async (port: number) =>
      /= 0x([0-9a-f]+)/.exec(await hmp(this.#qmp, `i /h 0x${port.toString(16)}`, this.#options))?.[1] ?? "0";
    const chosen = await read(0x1ce);
    // A card without these extensions has nothing there.
    if (parseInt(chosen, 16) === 0xffff) return false;
    await hmp(this.#qmp, "o /h 0x1ce 4", this.#options);
    const enabled = parseInt(await read(0x1cf), 16);
    await hmp(this.#qmp, `o /h 0x1ce 0x${chosen}`, this.#options);
    return enabled !== 0xffff && (enabled & 1) !== 0;
  }

  async #write(port: number, value: number): Promise<void> {
    await hmp(this.#qmp, `o /b 0x${port.toString(16)} ${value}`, this.#options);
  }
}

function hmp(qmp: QmpClient, command: string, options: VmCallOptions): Promise<string> {
  return qmp.execute("human-monitor-command", { "command-line": command }, options);
}
