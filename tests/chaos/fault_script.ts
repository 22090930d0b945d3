import type { Expected, Guest } from "./guests.ts";
import type { World } from "./world.ts";

/** What a fault has to do with. */
export interface Scene {
  readonly world: World;
  /** From 0 up to 1: what the plan leaves to chance. */
  readonly chance: number;
}

/** The same, of a fault that has a guest for itself. */
export interface GuestScene extends Scene {
  readonly guest: Guest;
  /** Its QEMU when the step began; null when there was none. */
  readonly pid: number | null;
}

/** One step of a fault: what is done, and what is to come of it. The next step follows when that has come. */
export interface Step {
  act(scene: GuestScene): Promise<void>;
  /** Of its guest. */
  readonly expected: Expected;
}

/** Nothing comes of it. */
export const UNTOUCHED: Expected = { told: [], phase: "up", life: "same" };

/** It lives on in the same QEMU. */
export function sameLife(...told: string[]): Expected {
  return { told, phase: "up", life: "same" };
}

/** It lives on in another one. */
export function newLife(...told: string[]): Expected {
  return { told, phase: "up", life: "new" };
}

/** It is down, and there is no QEMU. */
export function down(...told: string[]): Expected {
  return { told, phase: "down", life: "none" };
}

/** QEMU holds it at its end. */
export function held(...told: string[]): Expected {
  return { told, phase: "held", life: "same" };
}

/** What one step is, of those that have a guest. */
export function step(expected: Expected, act: (scene: GuestScene) => Promise<void>): Step {
  return { expected, act };
}

/** Somebody starts it by hand. */
export const startByHand: Step = step(newLife(), async ({ world, guest }) => {
  await world.insist({ do: "start", name: guest.name });
});

/** Somebody starts one that QEMU holds at its end. */
export function startHeld(cause: string): Step {
  return step(newLife(`ended ${cause}`), startByHand.act);
}
