/** The width that `deno.json` has for `deno fmt`: what is written here stays as it is when it is formatted. */
const WIDTH = 110;

/** A member as it is written: its documentation and its text, without indent. */
export interface Line {
  readonly doc: readonly string[];
  /** The text, in pieces that may be lines: the first one begins the member, the last one ends it. */
  readonly text: readonly string[];
}

/** A member's name, in quotes where it needs them. */
export function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** Puts two spaces before each line. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => line === "" ? line : `  ${line}`);
}

/** A documentation comment of these lines; nothing for none. */
export function comment(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  if (lines.length === 1) return [`/** ${lines[0]} */`];
  return ["/**", ...lines.map((line) => ` * ${line}`.trimEnd()), " */"];
}

/** Prose broken into lines that fit a documentation comment at this depth. */
export function wrap(text: string, depth = 0): string[] {
  const room = WIDTH - 3 - 2 * depth;
  if (text.length + 4 <= room) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A text that goes on after `before`: in one line where it fits at this depth, else with the union's parts below each other. */
export function union(before: string, parts: readonly string[], after: string, depth: number): string[] {
  const short = `${before} ${parts.join(" | ")}${after}`;
  if (parts.length === 1 || fits(short, depth)) return [short];
  const below = indent(parts.map((part) => `| ${part}`));
  return [before, ...below.slice(0, -1), `${below.at(-1)}${after}`];
}

/** An object type after `before`: in one line where it fits and nothing in it is documented. */
export function object(before: string, members: readonly Line[], after: string, depth: number): string[] {
  const plain = members.every(({ doc, text }) => doc.length === 0 && text.length === 1);
  const inside = members.map(({ text }) => text[0]?.replace(/;$/, "")).join("; ");
  const short = `${before}{ ${inside} }${after}`;
  if (plain && fits(short, depth)) return [short];
  return [`${before}{`, ...indent(block(members)), `}${after}`];
}

/** Members one below the other, each with its documentation. */
export function block(members: readonly Line[]): string[] {
  return members.flatMap(({ doc, text }) => [...comment(doc), ...text]);
}

/** Whether a line at this depth is narrow enough. */
export function fits(line: string, depth: number): boolean {
  return line.length + 2 * depth <= WIDTH;
}
