import { delay } from "@std/async/delay";
import type { Vm, VmCallOptions } from "../../vm/mod.ts";

/**
 * Runs a shell command in the guest and resolves when it has ended, over a channel that is not the console.
 *
 * @example
 * ```ts
 * import { type GuestShell } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const said: string[] = [];
 * const run: GuestShell = (command) => {
 *   said.push(command);
 *   return Promise.resolve({ exitCode: 0 });
 * };
 * assertEquals((await run("true", {})).exitCode, 0);
 * assertEquals(said, ["true"]);
 * ```
 */
export type GuestShell = (
  command: string,
  options: { signal?: AbortSignal; timeoutMs?: number },
) => Promise<{ readonly exitCode: number | null }>;

/** Where a fault is brought about. */
export interface FaultScene {
  readonly vm: Vm;
  /** The guest's shell, where there is one. */
  readonly run: GuestShell | null;
  /** Whether QEMU has ended. */
  ended(): boolean;
  /** What each question to QEMU takes: the caller's signal, and the time limit. */
  readonly call: VmCallOptions & { timeoutMs: number };
}

/** What stands in the way, in words; it becomes the end of a `FaultError`'s message. */
export class Obstacle extends Error {
  override readonly name = "Obstacle";
}

/** How often something is looked at that nothing tells of, in milliseconds. */
const LOOK_EVERY_MS = 2;

/**
 * Looks again and again until something is so.
 *
 * @param scene Whose signal and time limit count.
 * @param what What is waited for, for the message.
 * @param isSo Looks.
 */
export async function until(
  { call: { signal, timeoutMs } }: Pick<FaultScene, "call">,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await isSo()) {
    if (performance.now() > end) throw new Obstacle(`${what} within ${timeoutMs} ms was not to be seen`);
    await delay(LOOK_EVERY_MS, signal ? { signal } : {});
  }
}

/**
 * The same scene for undoing a fault, which is done even when the caller of the fault has given up.
 *
 * @param scene The scene.
 * @returns It without the caller's signal.
 */
export function later({ call: { timeoutMs }, ...scene }: FaultScene): FaultScene {
  return { ...scene, call: { timeoutMs } };
}
