import { delay } from "@std/async/delay";
import type { VmCallOptions } from "../../vm/mod.ts";
import {
  compareImages,
  type CompareOptions,
  describeComparison,
  type ImageComparison,
} from "./compare_images.ts";
import { decodePng, encodePng } from "./png.ts";

/** How often the screen is looked at, in milliseconds. */
const EVERY_MS = 100;
const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * What has a screen.
 *
 * @example
 * ```ts
 * import { expectScreen, encodePng, type ScreenVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const png = await encodePng({ width: 1, height: 1, pixels: new Uint8Array(4).fill(255) });
 * const vm: ScreenVm = { name: "white", screenshot: () => Promise.resolve(png) };
 * assertEquals(await expectScreen(vm, png), undefined);
 * ```
 */
export interface ScreenVm {
  readonly name: string;
  screenshot(options?: VmCallOptions): Promise<Uint8Array>;
}

/**
 * Where pictures for a failed test go; an `EvidenceRecord` is one.
 *
 * @example
 * ```ts
 * import { EvidenceRecord, type PictureKeeper } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using record = new EvidenceRecord({ test: "boots" });
 * const keeper: PictureKeeper = record;
 * keeper.picture("menu.png", new Uint8Array(8), "The menu");
 * assertEquals(record.pictures.entries.length, 1);
 * ```
 */
export interface PictureKeeper {
  picture(name: string, png: Uint8Array, caption: string): void;
}

/**
 * What `expectScreen` takes beside the picture.
 *
 * @example
 * ```ts
 * import { expectScreen, type ExpectScreenOptions, encodePng, ScreenMismatchError } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const picture = (level: number) => encodePng({ width: 1, height: 1, pixels: new Uint8Array([level, 0, 0, 255]) });
 * const vm = { name: "red", screenshot: () => picture(255) };
 * const options: ExpectScreenOptions = { tolerance: 8, timeoutMs: 0 };
 * await expectScreen(vm, await picture(250), options);
 * await assertRejects(async () => expectScreen(vm, await picture(200), options), ScreenMismatchError);
 * ```
 */
export interface ExpectScreenOptions extends CompareOptions {
  /** How long to wait until the screen is as expected, in milliseconds. Default 10000. */
  timeoutMs?: number;
  /** How often to look, in milliseconds. Default 100. */
  everyMs?: number;
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Given the three pictures (actual, expected, difference) when the screen is not as expected. */
  evidence?: PictureKeeper;
}

/**
 * The screen was not as expected in time.
 *
 * @example
 * ```ts
 * import { encodePng, expectScreen, ScreenMismatchError } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const picture = (level: number) => encodePng({ width: 1, height: 1, pixels: new Uint8Array([level, 0, 0, 255]) });
 * const vm = { name: "red", screenshot: () => picture(255) };
 * await assertRejects(
 *   async () => expectScreen(vm, await picture(0), { timeoutMs: 0 }),
 *   ScreenMismatchError,
 *   "1 of 1 pixels differ",
 * );
 * ```
 */
export class ScreenMismatchError extends Error {
  override readonly name = "ScreenMismatchError";
  /** The screen as it was last, as PNG. */
  readonly actual: Uint8Array;
  /** As it was expected, as PNG. */
  readonly expected: Uint8Array;
  /** What differs, as PNG: the expected picture, faint, with the rest in red; null when the two have different sizes. */
  readonly difference: Uint8Array | null;

  /**
   * @param message How they differ.
   * @param pictures The three pictures.
   */
  constructor(
    message: string,
    pictures: { actual: Uint8Array; expected: Uint8Array; difference: Uint8Array | null },
  ) {
    super(message);
    this.actual = pictures.actual;
    this.expected = pictures.expected;
    this.difference = pictures.difference;
  }
}

/**
 * Waits until the screen is as a picture has it.
 *
 * @param vm The VM.
 * @param expected The picture, as PNG or as the path of one; save one with `Deno.writeFile("menu.png", await vm.screenshot())`.
 * @param options What may differ, which part counts, time limit (10 s unless told otherwise).
 * @throws {ScreenMismatchError} When it is not so in time; the error says how much differs and where, and has the pictures.
 * @throws {QmpCommandError} When the guest has no graphics card.
 * @throws {TypeError} When the expected picture can't be read.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreen, expectScreenText, ScreenMismatchError } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
 * const early = await vm.screenshot();
 * await expectScreenText(vm, "Press ESC for boot menu.");
 * await assertRejects(() => expectScreen(vm, early, { timeoutMs: 0 }), ScreenMismatchError);
 * await expectScreen(vm, await vm.screenshot(), { maxDifferent: 200 }); // the cursor blinks
 * ```
 */
export async function expectScreen(
  vm: ScreenVm,
  expected: Uint8Array | string,
  options: ExpectScreenOptions = {},
): Promise<void> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, everyMs = EVERY_MS, signal, evidence } = options;
  const until = performance.now() + timeoutMs;
  const expectedPng = typeof expected === "string" ? await readExpected(expected) : expected;
  const expectedImage = await decodePng(expectedPng);
  for (;;) {
    signal?.throwIfAborted();
    const timeLimit = Math.max(1_000, until - performance.now());
    const actual = await vm.screenshot({ timeoutMs: timeLimit, ...(signal ? { signal } : {}) });
    const comparison = compareImages(await decodePng(actual), expectedImage, options);
    if (comparison.kind === "same") return;
    if (until - performance.now() < everyMs) {
      throw await mismatch(vm.name, timeoutMs, comparison, { actual, expected: expectedPng }, evidence);
    }
    await delay(everyMs, signal ? { signal } : {});
  }
}

async function readExpected(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new TypeError(
      `Cannot compare the screen: there is no ${path}; save one with Deno.writeFile(path, await vm.screenshot()) when the screen is right`,
      { cause },
    );
  }
}

async function mismatch(
  name: string,
  timeoutMs: number,
  comparison: ImageComparison,
  pictures: { actual: Uint8Array; expected: Uint8Array },
  evidence: PictureKeeper | undefined,
): Promise<ScreenMismatchError> {
  const difference = comparison.kind === "different" ? await encodePng(comparison.picture) : null;
  const words = describeComparison(comparison);
  evidence?.picture("actual.png", pictures.actual, "The screen as it was");
  evidence?.picture("expected.png", pictures.expected, "The screen as it was expected");
  if (difference) evidence?.picture("difference.png", difference, `What differs, in red: ${words}`);
  return new ScreenMismatchError(
    `The screen of "${name}" was not as expected within ${timeoutMs} ms: ${words}`,
    { ...pictures, difference },
  );
}
