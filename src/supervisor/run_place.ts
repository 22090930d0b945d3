import type { Lifetime } from "../vm/mod.ts";

/** Where one QEMU of a supervised guest runs, when the supervisor was given a place. */
export interface RunPlace {
  /** Its run directory. */
  readonly runDir: string;
  /** Beside it, since the shell that starts QEMU opens this file before anything else is there. */
  readonly stderrFile: string;
}

/**
 * Names a place that no other QEMU has.
 *
 * @param runtimeDir The supervisor's directory, an absolute path.
 * @returns The place; nothing is there yet.
 */
export function newRunPlace(runtimeDir: string): RunPlace {
  // Short, because socket paths are.
  return runPlaceOf(`${runtimeDir}/${crypto.randomUUID().slice(0, 8)}`);
}

/** The place that has this run directory. */
export function runPlaceOf(runDir: string): RunPlace {
  return { runDir, stderrFile: `${runDir}.stderr.log` };
}

/**
 * Removes what a QEMU left.
 *
 * @param place Where it ran.
 */
export async function removeRunPlace({ runDir, stderrFile }: RunPlace): Promise<void> {
  for (const path of [runDir, stderrFile]) {
    try {
      await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/**
 * How long a QEMU in this place lives.
 *
 * @param lifetime What the supervisor was opened with.
 * @param place Where it runs; a detached one needs a place for its stderr.
 * @returns What to tell `launch`.
 */
export function lifetimeIn(lifetime: Lifetime["kind"], place: RunPlace | null): Lifetime {
  return lifetime === "detached" && place !== null
    ? { kind: "detached", stderrFile: place.stderrFile }
    : { kind: "owned" };
}
