/** What is used of a documentation comment: since when a thing and its parts are there. */
export interface Doc {
  /** What it documents. */
  readonly name: string;
  /** The version that brought it. */
  readonly since?: string;
  /** The versions that brought members, values or features, where the comment says so. */
  readonly partSince: ReadonlyMap<string, string>;
}

const SYMBOL = /^@([\w.-]+):/;
const SINCE_TAG = /^Since:?\s+(\d+(?:\.\d+)*)/;
/** "Since QEMU 2.7" outside of parentheses is prose on a change, not on the part's first version. */
const SINCE_PART = /(?:\bsince:?\s+|\(since:?\s+QEMU\s+)(\d+\.\d+(?:\.\d+)*)/i;
/** What ends a part's text, besides the next part: a section, or a heading. */
const SECTION = /^(?:(?:Features|Returns|Errors|Example|Examples|Notes?|TODO|Since):|Since \d|=+ |\.\. )/;

/**
 * Reads a documentation comment. Its prose is not used.
 *
 * @param lines Its lines, without their `# `.
 * @returns What it says, or null when it documents no definition.
 */
export function readDoc(lines: readonly string[]): Doc | null {
  const first = lines.findIndex((line) => line !== "");
  const name = SYMBOL.exec(lines[first] ?? "")?.[1];
  if (name === undefined) return null;

  let since: string | undefined;
  let part: { readonly name: string; text: string } | null = null;
  const partSince = new Map<string, string>();
  const endPart = () => {
    const version = part === null ? undefined : SINCE_PART.exec(part.text)?.[1];
    if (part !== null && version !== undefined && !partSince.has(part.name)) {
      partSince.set(part.name, version);
    }
    part = null;
  };
  for (const line of lines.slice(first + 1)) {
    const symbol = SYMBOL.exec(line)?.[1];
    if (symbol !== undefined) {
      endPart();
      part = { name: symbol, text: line };
    } else if (SECTION.test(line)) {
      endPart();
      since ??= SINCE_TAG.exec(line)?.[1];
    } else if (part !== null) part.text += ` ${line.trim()}`;
  }
  endPart();
  return { name, ...(since === undefined ? {} : { since }), partSince };
}
