import { delay } from "@std/async/delay";
import type { QmpClient } from "../../qmp/mod.ts";
import { chordKeys, type KeyCode, keyStrokes } from "./keys.ts";

/** From one stroke to the next, in milliseconds: guests that are slow, as under TCG, have their keyboard's queue emptied by then. */
const STROKE_MS = 20;
/** How long a key stays down, in milliseconds: shorter ones may not be seen by firmware that looks now and then. */
const HOLD_MS = 20;

/**
 * How keys are pressed.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { type KeyboardOptions, typeText } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" }, { paused: true });
 * const options: KeyboardOptions = { everyMs: 1, signal: AbortSignal.abort(new Error("enough")) };
 * await assertRejects(() => typeText(vm.qmp, "root\n", options), Error, "enough");
 * ```
 */
export interface KeyboardOptions {
  /** From one stroke to the next, in milliseconds; a slow guest needs more, since a keyboard's queue has room for a few strokes only. Default 20. */
  everyMs?: number;
  /** Stops typing; rejects with the signal's reason. No key stays down. */
  signal?: AbortSignal;
}

/**
 * Types a text on the guest's keyboard, as a person at a US keyboard does.
 *
 * @param qmp The VM's monitor.
 * @param text What to type; `\n` is the enter key.
 * @param options How fast, and signal.
 * @throws {TypeError} When a character is on no key of such a keyboard; nothing is typed then.
 * @throws {QmpCommandError} When the guest has no keyboard.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { typeText } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * await typeText(vm.qmp, "root\n");
 * await assertRejects(() => typeText(vm.qmp, "10 \u20ac"), TypeError, "no key of a US keyboard");
 * ```
 */
export async function typeText(qmp: QmpClient, text: string, options: KeyboardOptions = {}): Promise<void> {
  const { everyMs = STROKE_MS, signal } = options;
  const wait = signal ? { signal } : {};
  for (const { key, shift } of keyStrokes(text)) {
    signal?.throwIfAborted();
    const keys: KeyCode[] = shift ? ["shift", key] : [key];
    await sendKeys(qmp, keys, true);
    await sendKeys(qmp, keys.toReversed(), false);
    await delay(everyMs, wait);
  }
}

/**
 * Presses keys together: down in their order, up in the reverse one.
 *
 * @param qmp The VM's monitor.
 * @param keys Their names with `-` between them, such as `ctrl-alt-delete`, `enter`, `f12`; several such strokes with spaces between them.
 * @param options Time between strokes, and signal.
 * @throws {TypeError} When there is no such key; nothing is pressed then.
 * @throws {QmpCommandError} When the guest has no keyboard.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { pressKeys } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * await pressKeys(vm.qmp, "ctrl-alt-f2");
 * await assertRejects(() => pressKeys(vm.qmp, "ctrl-alt-dlete"), TypeError, 'no key "dlete"');
 * ```
 */
export async function pressKeys(qmp: QmpClient, keys: string, options: KeyboardOptions = {}): Promise<void> {
  const { everyMs = STROKE_MS, signal } = options;
  const wait = signal ? { signal } : {};
  const chords = keys.trim().split(/\s+/).map(chordKeys);
  for (const chord of chords) {
    signal?.throwIfAborted();
    await sendKeys(qmp, chord, true);
    try {
      await delay(HOLD_MS, wait);
    } finally {
      await sendKeys(qmp, chord.toReversed(), false);
    }
    await delay(everyMs, wait);
  }
}

async function sendKeys(qmp: QmpClient, keys: readonly KeyCode[], down: boolean): Promise<void> {
  const events = keys.map((data) => ({ type: "key", data: { key: { type: "qcode", data }, down } }) as const);
  await qmp.execute("input-send-event", { events });
}
