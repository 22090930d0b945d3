/** What each member of a group depends on, in the group's own order. Every name that is depended on is a member. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

/**
 * Looks for members that wait for each other.
 *
 * @param dependencies Who depends on whom.
 * @returns One such circle, its first member again at its end; null when there is none.
 */
export function findCycle(dependencies: Dependencies): readonly string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): readonly string[] | null => {
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) return null;
    path.push(name);
    for (const needed of dependencies.get(name) ?? []) {
      const cycle = visit(needed);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(name);
    return null;
  };
  for (const name of dependencies.keys()) {
    const cycle = visit(name);
    if (cycle !== null) return cycle;
  }
  return null;
}

/**
 * Puts members into the order in which they are started: each wave depends on nothing but what is in earlier ones. To stop is the same, the
 * last wave first.
 *
 * @param dependencies Who depends on whom, without a circle.
 * @param names Whom to put into order; default: all. That one of them depends on another through a third that is not among them counts
 * as well.
 * @returns The waves, each in the group's own order.
 */
export function inWaves(
  dependencies: Dependencies,
  names: ReadonlySet<string> = new Set(dependencies.keys()),
): readonly (readonly string[])[] {
  const depths = new Map<string, number>();
  const depthOf = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const below = Math.max(-1, ...(dependencies.get(name) ?? []).map((needed) => depthOf(needed)));
    const depth = names.has(name) ? below + 1 : below;
    depths.set(name, depth);
    return depth;
  };
  const waves: string[][] = [];
  for (const name of dependencies.keys()) {
    if (names.has(name)) (waves[depthOf(name)] ??= []).push(name);
  }
  return waves;
}

/**
 * Who depends on a member, directly or through others.
 *
 * @param dependencies Who depends on whom.
 * @param name The member.
 * @returns The others, in the group's own order.
 */
export function dependentsOf(dependencies: Dependencies, name: string): ReadonlySet<string> {
  return reachable(invert(dependencies), name);
}

/**
 * What a member depends on, directly or through others.
 *
 * @param dependencies Who depends on whom.
 * @param name The member.
 * @returns The others.
 */
export function neededBy(dependencies: Dependencies, name: string): ReadonlySet<string> {
  return reachable(dependencies, name);
}

function reachable(edges: Dependencies, from: string): ReadonlySet<string> {
  const found = new Set<string>(edges.get(from));
  // A Set's iterator also gives what is added on the way.
  for (const name of found) {
    for (const next of edges.get(name) ?? []) found.add(next);
  }
  return new Set([...edges.keys()].filter((name) => found.has(name)));
}

function invert(dependencies: Dependencies): Dependencies {
  const inverted = new Map<string, string[]>([...dependencies.keys()].map((name) => [name, []]));
  for (const [name, needed] of dependencies) {
    for (const one of needed) inverted.get(one)?.push(name);
  }
  return inverted;
}
