import { planEviction } from "./eviction.ts";
import { freePlaces } from "./free_bytes.ts";
import { chooseRoom } from "./room.ts";
import type { TemplateStore } from "./template_store.ts";

/** How much a store may hold. */
export interface StoreBounds {
  readonly maxBytes: number;
  readonly maxIdleMs: number;
}

/**
 * Removes templates until a new one fits beside the others: those that nobody has used for long, then those used longest ago. Those in use
 * stay.
 *
 * @param store The store.
 * @param bounds How much it may hold.
 * @param bytes What the new one takes, at most.
 */
export async function makeRoom(store: TemplateStore, bounds: StoreBounds, bytes: number): Promise<void> {
  const templates = (await store.list()).map(({ manifest: { key, bytes }, usedAtMs }) => ({
    key,
    bytes,
    usedAtMs,
  }));
  const maxBytes = Math.max(0, bounds.maxBytes - bytes);
  const plan = planEviction(templates, { maxBytes, maxIdleMs: bounds.maxIdleMs, nowMs: Date.now() });
  for (const { key } of plan.idle) await store.remove(key);
  let excess = plan.excessBytes;
  for (const { key, bytes } of plan.next) {
    if (excess <= 0) return;
    if (await store.remove(key)) excess -= bytes;
  }
}

/**
 * Finds a folder for a new template's memory. Where there is none, templates that are not in use make room in the best one.
 *
 * @param store The store.
 * @param bytes How much memory, at most.
 * @param dirs The folders, the best one first.
 * @returns The folder; or, in words, why none will do.
 */
export async function findRoom(
  store: TemplateStore,
  bytes: number,
  dirs: readonly string[],
): Promise<{ dir: string } | { why: string }> {
  const [best] = dirs;
  const oldestFirst = (await store.list()).toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  for (const { manifest } of oldestFirst) {
    const places = await freePlaces(dirs.slice(0, 1));
    if (places.length === 0 || !("why" in chooseRoom(bytes, places))) break;
    const { memory } = manifest;
    if (memory.way === "memory" && memory.ram.path.startsWith(`${best}/`)) await store.remove(manifest.key);
  }
  return chooseRoom(bytes, await freePlaces(dirs));
}
