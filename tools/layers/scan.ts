/** One import or re-export of a module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** "type" vanishes when the program runs; "dynamic" is loaded only when it gets there. */
  readonly kind: "static" | "type" | "dynamic";
}

/** A source file as the checks see it. */
export interface Scan {
  readonly imports: readonly Import[];
  /** The source with comments, and the insides of strings and regular expressions, turned into spaces. */
  readonly code: string;
}

/** A slash after one of these starts a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|yield))\s*$|^\s*$/;

const IMPORT = /\b(?:(import)\s*\(\s*|(import|export)(\s+type\b)?\s*(?:[\w$*{},\s]*?\bfrom\s*)?)(["'])/g;

/**
 * Finds the imports of a TypeScript source. It knows comments, strings, templates and regular expressions well
 * enough for this project's code, and is no parser.
 *
 * @param source The text of the file.
 * @returns Its imports in order and its bare code.
 */
export function scan(source: string): Scan {
  const { code, strings } = blank(source);
  const imports: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const [text, dynamic, keyword, type] = match;
    // `export const x = "..."` has no `from`; only `import "..."` may do without.
    if (keyword === "export" && !/\bfrom\s*["']$/.test(text)) continue;
    const specifier = strings.get(match.index + text.length - 1);
    if (specifier === undefined) continue;
    const line = code.slice(0, match.index).split("\n").length;
    const isType = type !== undefined || onlyTypes(text);
    imports.push({ specifier, line, kind: dynamic !== undefined ? "dynamic" : isType ? "type" : "static" });
  }
  return { imports, code };
}

/** Whether every name between the braces is marked `type`. */
function onlyTypes(statement: string): boolean {
  const names = /^\w+\s*\{([^}]*)\}\s*from/.exec(statement)?.[1]?.split(",").map((name) => name.trim()) ?? [];
  const used = names.filter((name) => name !== "");
  return used.length > 0 && used.every((name) => /^type\s/.test(name));
}

interface Blanked {
  readonly code: string;
  /** The values of plain strings, by the place of their first quote. */
  readonly strings: ReadonlyMap<number, string>;
}

function blank(source: string): Blanked {
  const strings = new Map<number, string>();
  let code = "";
  /** For each template that is open, how many braces are open in its current `${}`. */
  const templates: number[] = [];
  const copy = (end: number, keepEnds: boolean) => {
    const text = source.slice(code.length, end);
    const hidden = text.replace(/[^\n]/g, " ");
    code += keepEnds && text.length > 1
      ? text.charAt(0) + hidden.slice(1, -1) + text.charAt(text.length - 1)
      : hidden;
  };
  const copyTemplate = (from: number) => {
    const end = templateEnd(source, from);
    copy(end, true);
    if (source.charAt(end - 1) === "{") templates.push(0);
  };
  while (code.length < source.length) {
    const at = code.length;
    const char = source.charAt(at);
    if (source.startsWith("//", at)) {
      copy(endOf(source.indexOf("\n", at), source), false);
    } else if (source.startsWith("/*", at)) {
      copy(endOf(source.indexOf("*/", at + 2), source, 2), false);
    } else if (char === '"' || char === "'") {
      const end = literalEnd(source, at, char);
      strings.set(at, source.slice(at + 1, end - 1));
      copy(end, true);
    } else if (char === "`") {
      copyTemplate(at + 1);
    } else if (char === "/" && BEFORE_REGEX.test(code.slice(-40))) {
      copy(regexEnd(source, at), true);
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      copyTemplate(at + 1);
    } else {
      const open = templates.pop();
      if (open !== undefined) templates.push(open + (char === "{" ? 1 : char === "}" ? -1 : 0));
      code += char;
    }
  }
  return { code, strings };
}

function endOf(index: number, source: string, length = 0): number {
  return index === -1 ? source.length : index + length;
}

function literalEnd(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source.charAt(at) === "\\") at++;
    else if (source.charAt(at) === quote || source.charAt(at) === "\n") return at + 1;
  }
  return source.length;
}

/** The place after the template's closing backtick or after its next `${`. */
function templateEnd(source: string, start: number): number {
  for (let at = start; at < source.length; at++) {
    if (source.charAt(at) === "\\") at++;
    else if (source.charAt(at) === "`") return at + 1;
    else if (source.startsWith("${", at)) return at + 2;
  }
  return source.length;
}

function regexEnd(source: string, start: number): number {
  let isClass = false;
  for (let at = start + 1; at < source.length; at++) {
    const char = source.charAt(at);
    if (char === "\\") at++;
    else if (char === "[") isClass = true;
    else if (char === "]") isClass = false;
    else if (char === "\n" || char === "/" && !isClass) return at + 1;
  }
  return source.length;
}
