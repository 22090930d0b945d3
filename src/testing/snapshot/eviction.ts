/** A template, as far as the decision goes whether it stays. */
export interface StoredTemplate {
  readonly key: string;
  /** What it takes, in memory and on disk. */
  readonly bytes: number;
  /** When it was last used, in milliseconds since 1970. */
  readonly usedAtMs: number;
}

/** How much may be kept. */
export interface Bounds {
  readonly maxBytes: number;
  readonly maxIdleMs: number;
  readonly nowMs: number;
}

/** What is to be done about too many templates. */
export interface EvictionPlan {
  /** Those that go in any case, for nobody has used them for long. */
  readonly idle: readonly StoredTemplate[];
  /** The others, in the order in which they go, until `excessBytes` are free. */
  readonly next: readonly StoredTemplate[];
  /** What has to be freed of them. */
  readonly excessBytes: number;
}

/**
 * Decides which templates go. Which of them are in use is only seen when one is to be removed, so this gives an order and not a list.
 *
 * @param templates All there are.
 * @param bounds How much may be kept.
 * @returns The plan.
 */
export function planEviction(templates: readonly StoredTemplate[], bounds: Bounds): EvictionPlan {
  const { maxBytes, maxIdleMs, nowMs } = bounds;
  const oldestFirst = templates.toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  const idle = oldestFirst.filter(({ usedAtMs }) => nowMs - usedAtMs > maxIdleMs);
  const next = oldestFirst.slice(idle.length);
  const kept = next.reduce((sum, { bytes }) => sum + bytes, 0);
  return { idle, next, excessBytes: Math.max(0, kept - maxBytes) };
}
