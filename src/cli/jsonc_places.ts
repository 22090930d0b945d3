/** Where things are in a JSONC text. */
export interface JsoncPlaces {
  /** The offset of each member's key and each item, by its place as errors write it: `drives[0].file`. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Members that an object has twice, of which the last would win without a word. */
  readonly duplicates: readonly { readonly path: string; readonly offset: number }[];
}

/** A token: a bracket, colon or comma, or the text of a string, number or word. Blanks and comments come in between. */
const TOKEN =
  /(?:[ \t\r\n]+|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)|([[\]{}:,]|"(?:\\[\s\S]|[^"\\])*"|[^[\]{}:,"\s/]+)/gy;

/** A collection that is being read. */
interface Level {
  readonly kind: "object" | "list";
  readonly path: string;
  readonly keys: Set<string>;
  /** The next item's index, or the key that waits for its value. */
  index: number;
  key: string | null;
}

/**
 * Finds out where each part of a JSONC text is.
 *
 * @param text A text that has been parsed already, so it is known to be well formed.
 * @returns The places.
 */
export function findPlaces(text: string): JsoncPlaces {
  const offsets = new Map<string, number>();
  const duplicates: { path: string; offset: number }[] = [];
  const levels: Level[] = [];
  const enter = (kind: Level["kind"], path: string) =>
    levels.push({ kind, path, keys: new Set(), index: 0, key: null });

  for (const { 1: token, index: offset } of text.matchAll(TOKEN)) {
    if (token === undefined || token === ":") continue;
    const level = levels.at(-1);
    if (token === "}" || token === "]") {
      levels.pop();
      continue;
    }
    if (token === ",") {
      if (level) [level.index, level.key] = [level.index + 1, null];
      continue;
    }
    if (level?.kind === "object" && level.key === null) {
      const key = String(JSON.parse(token));
      level.key = key;
      const path = level.path === "" ? key : `${level.path}.${key}`;
      if (level.keys.has(key)) duplicates.push({ path, offset });
      level.keys.add(key);
      offsets.set(path, offset);
      continue;
    }
    const path = pathOfValue(level);
    if (level?.kind !== "object") offsets.set(path, offset);
    if (token === "{") enter("object", path);
    if (token === "[") enter("list", path);
  }
  return { offsets, duplicates };
}

/**
 * The offset of a place, or of the nearest that is around it: what is missing is wrong where it should be.
 *
 * @param places The places of the text.
 * @param path The place, as errors write it.
 * @returns An offset.
 */
export function offsetOf({ offsets }: JsoncPlaces, path: string): number {
  for (let around = path; around !== ""; around = around.replace(/(?:^|\.)[^.[]*$|\[\d*\]?$/, "")) {
    const offset = offsets.get(around);
    if (offset !== undefined) return offset;
  }
  return offsets.get("") ?? 0;
}

/**
 * Line and column of an offset, as editors count them.
 *
 * @param text The text.
 * @param offset An offset into it.
 * @returns Both from 1.
 */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function pathOfValue(level: Level | undefined): string {
  if (level === undefined) return "";
  if (level.kind === "list") return `${level.path}[${level.index}]`;
  return level.path === "" ? level.key ?? "" : `${level.path}.${level.key}`;
}
