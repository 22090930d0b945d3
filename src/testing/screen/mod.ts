/**
 * The guest's screen, keyboard and mouse: pictures that are compared, text that is read from a screen in text mode, keys that are pressed, films.
 *
 * Design: what can be decided without a guest is pure and works on values (`compare_images.ts`, `keys.ts`, `text_mode.ts`, `png_chunks.ts`,
 * `png_rows.ts`); the rest asks QEMU over the VM's monitor and needs nothing of the guest. The PNG codec is our own since all that it takes beside
 * the runtime's own deflate is two hundred lines.
 *
 * @module
 */
export {
  compareImages,
  type CompareOptions,
  describeComparison,
  type ImageComparison,
} from "./compare_images.ts";
export { type AnimationFrame, encodeApng } from "./apng.ts";
export {
  expectScreen,
  type ExpectScreenOptions,
  type PictureKeeper,
  ScreenMismatchError,
  type ScreenVm,
} from "./expect_screen.ts";
export { Film, type FilmFrame, type FilmOptions } from "./film.ts";
export type { Image, Region } from "./image.ts";
export { type KeyboardOptions, pressKeys, typeText } from "./keyboard.ts";
export { type KeyCode, type KeyStroke, keyStrokes } from "./keys.ts";
export { clickMouse, type MouseButton, moveMouse, moveMouseBy, type PointedVm } from "./mouse.ts";
export { decodePng, encodePng } from "./png.ts";
export {
  expectScreenText,
  type ExpectScreenTextOptions,
  readTextScreen,
  ScreenTextTimeoutError,
  type TextScreen,
  TextScreenError,
} from "./text_screen.ts";
