import {
  ARROWS,
  IMPURE,
  LAUNCH_ALONE,
  NOT_BEFORE_THE_SPAWN,
  NOT_ON_THE_LAUNCH_PATH,
  NOT_WITH_EVERYTHING,
  OUTSIDE,
  PURE_FILES,
  TYPE_ARROWS,
} from "./rules.ts";
import { type Import, type Scan, scan } from "./scan.ts";

/** A rule of the house that a line breaks. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/**
 * Checks a source tree against the rules of the house.
 *
 * @param files The text of `mod.ts` and of every file under `src/`, by its path from the project's root.
 * @returns What is wrong, by file and line.
 */
export function checkLayers(files: ReadonlyMap<string, string>): Violation[] {
  const scans = new Map([...files].map(([path, text]) => [path, scan(text)]));
  const violations = [...checkArrows(scans), ...checkLaunchPath(scans), ...checkPurity(scans)];
  return violations.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function* checkArrows(scans: ReadonlyMap<string, Scan>): Generator<Violation> {
  for (const [file, { imports }] of scans) {
    const room = roomOf(file);
    if (room !== null && !(room in ARROWS)) {
      yield {
        file,
        line: 1,
        message: `src/${room} is no room of the house: say in the rules what it may use`,
      };
      continue;
    }
    for (const { specifier, line, kind } of imports) {
      const target = resolve(file, specifier);
      if (target === null) continue;
      const message = whyNot(file, room, target, kind);
      if (message !== null) yield { file, line, message };
    }
  }
}

/** Why a file of this room may not import that file; null if it may. */
function whyNot(file: string, room: string | null, target: string, kind: Import["kind"]): string | null {
  const targetRoom = roomOf(target);
  if (targetRoom !== null && targetRoom !== room && /\/_[^/]*$/.test(target)) {
    return `${target} is private to its folder`;
  }
  if (room === null || targetRoom === room) return null;
  if (OUTSIDE[room]?.includes(target)) return null;
  if (targetRoom === null) return `src/ may not import ${target}, which is outside of it`;
  const arrows = ARROWS[room] ?? [];
  if (arrows.includes(targetRoom)) return null;
  if (TYPE_ARROWS[room]?.includes(target)) {
    return kind === "type" ? null : `${file} may import ${target} with \`import type\` only`;
  }
  return `src/${room} may not import src/${targetRoom}, only ${arrows.join(", ") || "nothing"}`;
}

function* checkLaunchPath(scans: ReadonlyMap<string, Scan>): Generator<Violation> {
  for (const { file, line, specifier, target } of staticImports("mod.ts", scans)) {
    if (NOT_ON_THE_LAUNCH_PATH.test(specifier)) {
      yield { file, line, message: `mod.ts may not pull in ${specifier}, which makes every launch slower` };
    }
    if (target !== null && NOT_WITH_EVERYTHING.test(target)) {
      yield { file, line, message: `mod.ts may not pull in ${target}: import it when it is wanted` };
    }
  }
  for (const { file, line, target } of staticImports(LAUNCH_ALONE, scans)) {
    if (target !== null && NOT_BEFORE_THE_SPAWN.test(target)) {
      yield { file, line, message: `${LAUNCH_ALONE} may not pull in ${target}: import it after the spawn` };
    }
  }
}

/** The static imports of a file, and of what it imports, and so on. */
function* staticImports(
  entry: string,
  scans: ReadonlyMap<string, Scan>,
): Generator<{ file: string; line: number; specifier: string; target: string | null }> {
  const seen = new Set([entry]);
  for (const file of seen) {
    for (const { specifier, line, kind } of scans.get(file)?.imports ?? []) {
      if (kind !== "static") continue;
      const target = resolve(file, specifier);
      yield { file, line, specifier, target };
      // A Set's iterator also gives what is added on the way.
      if (target !== null) seen.add(target);
    }
  }
}

function* checkPurity(scans: ReadonlyMap<string, Scan>): Generator<Violation> {
  for (const rule of PURE_FILES) {
    const files = [...scans.keys()].filter((file) =>
      rule.endsWith("/") ? file.startsWith(rule) : file === rule
    );
    if (files.length === 0) {
      yield { file: rule, line: 1, message: "is listed as pure in the rules and does not exist" };
    }
    for (const file of files) {
      const { code } = scans.get(file) ?? { code: "" };
      for (const { index, 0: what } of code.matchAll(IMPURE)) {
        const line = code.slice(0, index).split("\n").length;
        yield { file, line, message: `a pure file may not use ${what.replace(/\s*\.$/, "")}` };
      }
    }
  }
}

/** The folder under src/ that a file is in; null for files outside. */
function roomOf(file: string): string | null {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? null;
}

/** The path that a relative import leads to, from the root; null for packages. */
function resolve(file: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}
