import { delay } from "@std/async/delay";
import type { QmpClient, QmpCommands } from "../../qmp/mod.ts";
import type { VmCallOptions } from "../../vm/mod.ts";
import { pngSize } from "../evidence/png_size.ts";

/** An axis of an absolute pointer has so many steps, whatever the screen's size is (QEMU's INPUT_EVENT_ABS_MAX). */
const ABSOLUTE_MAX = 0x7fff;
/** How long a button stays down, in milliseconds. */
const HOLD_MS = 30;

/**
 * A button of a mouse, or a step of its wheel.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { clickMouse, type MouseButton } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * const button: MouseButton = "wheel-down";
 * assertEquals(await clickMouse(vm, button), undefined);
 * ```
 */
export type MouseButton = "left" | "middle" | "right" | "wheel-up" | "wheel-down";

/**
 * What has a screen and a mouse.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import type { PointedVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * const pointed: PointedVm = vm;
 * assertEquals(pointed.qmp, vm.qmp);
 * ```
 */
export interface PointedVm {
  readonly qmp: QmpClient;
  screenshot(options?: VmCallOptions): Promise<Uint8Array>;
}

type InputEvents = QmpCommands["input-send-event"]["arguments"]["events"];

/**
 * Puts the guest's pointer to a place on the screen. It takes an absolute pointer, such as a `usb-tablet`, and a guest with its driver: without
 * one nothing happens, and nobody tells.
 *
 * @param vm The VM.
 * @param place The place, in pixels from the upper left corner.
 * @param options Signal and time limit of each question to QEMU.
 * @throws {Error} When the guest has no absolute pointer; the error says what it has, and how it gets one.
 * @throws {RangeError} When the place is not on the screen.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { clickMouse, moveMouse } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const extraArgs = ["-device", "qemu-xhci", "-device", "usb-tablet"];
 * await using vm = await launch({ accel: "tcg", vga: "std", extraArgs });
 * await moveMouse(vm, { x: 20, y: 10 });
 * await clickMouse(vm);
 * await assertRejects(() => moveMouse(vm, { x: 9999, y: 0 }), RangeError, "the screen has");
 * ```
 */
export async function moveMouse(
  vm: PointedVm,
  place: { x: number; y: number },
  options: VmCallOptions = {},
): Promise<void> {
  await requirePointer(vm.qmp, "absolute", options);
  const size = pngSize(await vm.screenshot(options));
  if (size === null) throw new Error("Cannot move the mouse: QEMU's screenshot is no PNG");
  const isWithin = place.x >= 0 && place.y >= 0 && place.x < size.width && place.y < size.height;
  if (!isWithin) {
    throw new RangeError(
      `Cannot move the mouse to ${place.x}, ${place.y}: the screen has ${size.width} x ${size.height} pixels`,
    );
  }
  const step = (at: number, length: number) => Math.round(at / Math.max(1, length - 1) * ABSOLUTE_MAX);
  await send(vm.qmp, [
    { type: "abs", data: { axis: "x", value: step(place.x, size.width) } },
    { type: "abs", data: { axis: "y", value: step(place.y, size.height) } },
  ], options);
}

/**
 * Moves the guest's pointer by so much, as a mouse does: how far it gets on the screen is the guest's own affair.
 *
 * @param vm The VM.
 * @param by How far: to the right, and down.
 * @param options Signal and time limit of each question to QEMU.
 * @throws {Error} When the guest has no relative pointer (a PC has a PS/2 mouse unless it is told otherwise).
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { moveMouseBy } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using pc = await launch({ accel: "tcg" });
 * await moveMouseBy(pc, { x: 20, y: -10 });
 * await using none = await launch({ machine: "none", accel: "tcg" });
 * await assertRejects(() => moveMouseBy(none, { x: 1, y: 1 }), Error, "it has none");
 * ```
 */
export async function moveMouseBy(
  vm: Pick<PointedVm, "qmp">,
  by: { x: number; y: number },
  options: VmCallOptions = {},
): Promise<void> {
  await requirePointer(vm.qmp, "relative", options);
  await send(vm.qmp, [
    { type: "rel", data: { axis: "x", value: Math.round(by.x) } },
    { type: "rel", data: { axis: "y", value: Math.round(by.y) } },
  ], options);
}

/**
 * Clicks, where the pointer is.
 *
 * @param vm The VM.
 * @param button Which button. Default `left`.
 * @param options Signal and time limit of each question to QEMU.
 * @throws {Error} When the guest has no pointer.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { clickMouse } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using none = await launch({ machine: "none", accel: "tcg" });
 * await assertRejects(() => clickMouse(none), Error, "it has none");
 * ```
 */
export async function clickMouse(
  vm: Pick<PointedVm, "qmp">,
  button: MouseButton = "left",
  options: VmCallOptions = {},
): Promise<void> {
  await requirePointer(vm.qmp, "any", options);
  await send(vm.qmp, [{ type: "btn", data: { button, down: true } }], options);
  try {
    await delay(HOLD_MS, options.signal ? { signal: options.signal } : {});
  } finally {
    // A button that stayed down would make a drag of every move.
    await vm.qmp.execute("input-send-event", { events: [{ type: "btn", data: { button, down: false } }] });
  }
}

async function send(qmp: QmpClient, events: InputEvents, options: VmCallOptions): Promise<void> {
  await qmp.execute("input-send-event", { events }, options);
}

/** QEMU gives each kind of move to the first pointer that takes it, and drops without a word what none of them does. */
async function requirePointer(
  qmp: QmpClient,
  kind: "absolute" | "relative" | "any",
  options: VmCallOptions,
): Promise<void> {
  const mice = await qmp.execute("query-mice", {}, options);
  if (mice.some(({ absolute }) => kind === "any" || absolute === (kind === "absolute"))) return;
  const attempt = {
    any: "click: the guest needs a pointer",
    absolute: "put the mouse to a place: the guest needs a pointer that is absolute",
    relative: "move the mouse by a distance: the guest needs a pointer that is relative",
  }[kind];
  const found = mice.map(({ name, absolute }) => `${name} (${absolute ? "absolute" : "relative"})`).join(
    ", ",
  );
  const device = kind === "relative" ? "usb-mouse" : "usb-tablet";
  throw new Error(
    `Cannot ${attempt}, and it has ${
      found === "" ? "none" : found
    }; add one with extraArgs: ["-device", "qemu-xhci", "-device", "${device}"]`,
  );
}
