import type { Named } from "../model.ts";

/**
 * Adds the version that brought a thing, which no QEMU says.
 *
 * @param named The thing.
 * @param known What is known of it.
 * @param qemu The version of the QEMU that has it. If it should have come later, only its name did.
 */
export function withSince<N extends Named>(named: N, known: Named | undefined, qemu: string): N {
  const since = known?.since;
  return since === undefined || isAfter(since, qemu) ? named : { ...named, since };
}

function isAfter(version: string, other: string): boolean {
  const parts = other.split(".").map(Number);
  const differences = version.split(".").map((part, index) => Number(part) - (parts[index] ?? 0));
  return (differences.find((difference) => difference !== 0) ?? 0) > 0;
}
