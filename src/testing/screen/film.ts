import { delay } from "@std/async/delay";
import { encodeApng } from "./apng.ts";
import type { ScreenVm } from "./expect_screen.ts";
import { blankImage, type Image, pasteImage, shrinkImage } from "./image.ts";
import { decodePng, encodePng } from "./png.ts";

/** How often a picture is taken, in milliseconds. */
const EVERY_MS = 500;
/** How many pictures are kept: when there are more, every other one goes, and they are taken half as often. */
const MAX_FRAMES = 240;
/** How long one picture may take, in milliseconds: a QEMU that hangs must not keep the film from ending. */
const PICTURE_MS = 2_000;
/** How long the last picture of an animation is shown, in milliseconds. */
const LAST_MS = 2_000;
const STRIP_GAP = 6;

/**
 * How a film is taken.
 *
 * @example
 * ```ts
 * import { Film, type FilmOptions } from "@qeeper/qeeper/testing";
 * import { assertThrows } from "@std/assert";
 *
 * const options: FilmOptions = { everyMs: 1 };
 * const vm = { name: "web", screenshot: () => Promise.reject(new Error("no screen")) };
 * assertThrows(() => new Film(vm, options), RangeError, "50 or more");
 * ```
 */
export interface FilmOptions {
  /** How often a picture is taken, in milliseconds. Default 500. */
  everyMs?: number;
  /** How many pictures are kept; when there are more, every other one is dropped and they are taken half as often. Default 240. */
  maxFrames?: number;
}

/**
 * A picture of a film.
 *
 * @example
 * ```ts
 * import { encodePng, Film, type FilmFrame } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const png = await encodePng({ width: 1, height: 1, pixels: new Uint8Array(4).fill(255) });
 * const taken = Promise.withResolvers<void>();
 * const screenshot = () => Promise.resolve(png).finally(taken.resolve);
 * await using film = new Film({ name: "white", screenshot }, { everyMs: 50 });
 * await taken.promise;
 * const [first]: readonly FilmFrame[] = await film.stop();
 * assertEquals(first?.png, png);
 * ```
 */
export interface FilmFrame {
  /** When it was taken, in milliseconds since the film began. */
  readonly atMs: number;
  /** The screen, as PNG. */
  readonly png: Uint8Array;
}

/**
 * Pictures of the screen, taken one after the other until the film is stopped or the guest ends. One that is the same as the one before is not
 * kept twice.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { expectScreenText, Film } from "@qeeper/qeeper/testing";
 * import { assert } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 32, vga: "std", boot: { menu: true } });
 * await using film = new Film(vm, { everyMs: 100 });
 * await expectScreenText(vm, "Press ESC for boot menu.");
 * const animation = await film.apng(); // the film ends here
 * assert(animation !== null && film.frames.length > 0);
 * ```
 */
export class Film implements AsyncDisposable {
  readonly #vm: ScreenVm;
  readonly #startedAt = performance.now();
  readonly #stop = new AbortController();
  readonly #taking: Promise<void>;
  readonly #maxFrames: number;
  #everyMs: number;
  #frames: FilmFrame[] = [];
  #failure: unknown = null;

  /**
   * Starts to take pictures at once.
   *
   * @param vm The VM.
   * @param options How often, and how many.
   * @throws {RangeError} When it is to be taken more often than 20 times a second, or to keep fewer than 2 pictures.
   */
  constructor(vm: ScreenVm, options: FilmOptions = {}) {
    const { everyMs = EVERY_MS, maxFrames = MAX_FRAMES } = options;
    if (!(everyMs >= 50)) {
      throw new RangeError(`Cannot film as 'everyMs' must be 50 or more: current value is ${everyMs}`);
    }
    if (!(maxFrames >= 2)) {
      throw new RangeError(`Cannot film as 'maxFrames' must be 2 or more: current value is ${maxFrames}`);
    }
    this.#vm = vm;
    this.#everyMs = everyMs;
    this.#maxFrames = maxFrames;
    this.#taking = this.#take();
  }

  /** The pictures so far. */
  get frames(): readonly FilmFrame[] {
    return [...this.#frames];
  }

  /** What ended the film before it was stopped, such as the end of QEMU; null when nothing did. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Ends the film.
   *
   * @returns Its pictures.
   */
  async stop(): Promise<readonly FilmFrame[]> {
    this.#stop.abort();
    await this.#taking;
    return this.frames;
  }

  /**
   * Ends the film and makes one animated PNG of it.
   *
   * @returns The file; null when there is no picture.
   */
  async apng(): Promise<Uint8Array | null> {
    const frames = await this.stop();
    return frames.length === 0 ? null : await animate(frames);
  }

  /**
   * Ends the film and makes one picture of it: some of its pictures, small, in rows.
   *
   * @param options How many pictures at most (default 12), and how many in a row (default 4).
   * @returns The file; null when there is no picture.
   */
  async strip(options: { maxPictures?: number; columns?: number } = {}): Promise<Uint8Array | null> {
    const frames = await this.stop();
    return frames.length === 0 ? null : await layOut(frames, options);
  }

  /** Ends the film. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #take(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for (let due = 0; !signal.aborted; due += this.#everyMs) {
        const png = await this.#vm.screenshot({ timeoutMs: PICTURE_MS, signal });
        this.#keep({ atMs: Math.round(performance.now() - this.#startedAt), png });
        const leftMs = due + this.#everyMs - (performance.now() - this.#startedAt);
        await delay(Math.max(0, leftMs), { signal });
      }
    } catch (error) {
      if (!signal.aborted) this.#failure = error;
    }
  }

  #keep(frame: FilmFrame): void {
    const last = this.#frames.at(-1);
    if (last !== undefined && isSame(last.png, frame.png)) return;
    this.#frames.push(frame);
    if (this.#frames.length <= this.#maxFrames) return;
    this.#frames = this.#frames.filter((_, at) => at % 2 === 0);
    this.#everyMs *= 2;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

async function animate(frames: readonly FilmFrame[]): Promise<Uint8Array> {
  const images = await sameSize(frames);
  return await encodeApng(images.map((image, at) => {
    const { atMs } = frames[at] ?? { atMs: 0 };
    const next = frames[at + 1];
    return { image, delayMs: next === undefined ? LAST_MS : next.atMs - atMs };
  }));
}

async function layOut(
  frames: readonly FilmFrame[],
  { maxPictures = 12, columns = 4 }: { maxPictures?: number; columns?: number },
): Promise<Uint8Array> {
  const step = Math.max(1, (frames.length - 1) / (maxPictures - 1));
  const count = Math.min(frames.length, maxPictures);
  // The first and the last one, and some between that are as far from one another.
  const chosen = Array.from({ length: count }, (_, at) => frames[Math.round(at * step)]).filter((frame) =>
    frame !== undefined
  );
  const images = await sameSize(chosen);
  const [{ width: fullWidth }] = images as [Image];
  const factor = Math.max(1, Math.round(fullWidth / 320));
  const small = images.map((image) => shrinkImage(image, factor));
  const [{ width, height }] = small as [Image];
  const perRow = Math.min(columns, small.length);
  const rows = Math.ceil(small.length / perRow);
  const whole = blankImage(
    perRow * (width + STRIP_GAP) + STRIP_GAP,
    rows * (height + STRIP_GAP) + STRIP_GAP,
    [72, 78, 90],
  );
  for (const [at, image] of small.entries()) {
    const x = STRIP_GAP + (at % perRow) * (width + STRIP_GAP);
    pasteImage(whole, image, x, STRIP_GAP + Math.floor(at / perRow) * (height + STRIP_GAP));
  }
  return await encodePng(whole);
}

/** A guest changes its screen's size as it goes: all get the largest one, with black where there is nothing. */
async function sameSize(frames: readonly FilmFrame[]): Promise<Image[]> {
  const images: Image[] = [];
  for (const { png } of frames) images.push(await decodePng(png));
  const width = Math.max(...images.map((image) => image.width));
  const height = Math.max(...images.map((image) => image.height));
  return images.map((image) => {
    if (image.width === width && image.height === height) return image;
    const whole = blankImage(width, height);
    pasteImage(whole, image, 0, 0);
    return whole;
  });
}
