import { abortable } from "@std/async/abortable";
import { deadline } from "@std/async/deadline";
import { type FaultScene, Obstacle } from "./scene.ts";

/** A line of what the guest says, 64 bytes with its line feed. */
const LINE = "qeeper-flood ".padEnd(63, "0123456789");

/**
 * What a flood of the console takes.
 *
 * @example
 * ```ts
 * import type { FloodOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const flood: FloodOptions = { bytes: 64 * 1024, by: "console", timeoutMs: 60_000 };
 * assertEquals(flood.bytes, 65_536);
 * ```
 */
export interface FloodOptions {
  /** How much the guest says. Default 256 KiB, which takes about 3 s under TCG. */
  bytes?: number;
  /** Who makes it: a command over the channel for commands (`run`), or one that is typed on the console. Default `run` where there is one. */
  by?: "run" | "console";
  /** The guest's device to fill. Default `/dev/ttyS0`. */
  device?: string;
  /** Stops waiting, not the guest. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long it may take, in milliseconds. Default 10 s, and 1 s more for each 16 KiB. */
  timeoutMs?: number;
}

/**
 * A flood that has passed.
 *
 * @example
 * ```ts
 * import type { Flood } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const kibPerSecond = ({ bytes, tookMs }: Flood) => bytes / 1024 / (tookMs / 1000);
 * assertEquals(kibPerSecond({ by: "run", bytes: 512 * 1024, tookMs: 4000 }), 128);
 * ```
 */
export interface Flood {
  /** Who made it. */
  readonly by: "run" | "console";
  /** How much of it came over the console, in bytes; the guest's line ends and its other words count. */
  readonly bytes: number;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
}

/**
 * How long a flood may take, unless the caller says.
 *
 * @param bytes How much.
 * @returns In milliseconds.
 */
export function floodLimitMs(bytes: number): number {
  return 10_000 + bytes / 16;
}

/**
 * Has a Linux guest say more on its console than any buffer holds.
 *
 * @param scene Which guest.
 * @param flood How much, by whom, on which device.
 * @returns When all of it has come.
 */
export async function fillConsole(
  { vm, run, call }: FaultScene,
  { bytes, by, device }: { bytes: number; by: "run" | "console"; device: string },
): Promise<Flood> {
  const { console } = vm;
  if (console === null) throw new Obstacle("it has no console");
  if (by === "run" && run === null) {
    throw new Obstacle("there is no channel for commands into the guest; choose the console");
  }
  const command = `yes '${LINE}' | head -c ${bytes} > '${device}'`;
  const startMs = performance.now();
  using output = console.output();
  const count = async () => {
    let came = 0;
    for await (const chunk of output) {
      came += chunk.length;
      if (came >= bytes) return came;
    }
    throw new Obstacle(`the console ended after ${came} bytes`);
  };
  const flood = async () => {
    if (by === "console" || run === null) return await console.write(`${command}\n`, call);
    const { exitCode } = await run(command, call);
    if (exitCode !== 0) throw new Obstacle(`its command ended with ${exitCode} in the guest: ${command}`);
  };
  const both = Promise.all([count(), flood()]);
  const [came] = await deadline(call.signal ? abortable(both, call.signal) : both, call.timeoutMs);
  return { by, bytes: came, tookMs: performance.now() - startMs };
}
