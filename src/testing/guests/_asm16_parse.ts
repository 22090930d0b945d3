/** The width of an operand in bits. */
export type Width = 8 | 16 | 32;

/** A sum of numbers and labels; what the labels stand for is known only when the whole program is laid out. */
export interface Expression {
  readonly labels: readonly string[];
  readonly constant: number;
}

/** One operand of an instruction. */
export type Operand =
  | { readonly kind: "register"; readonly width: Width; readonly index: number }
  | { readonly kind: "segment-register"; readonly index: number }
  | { readonly kind: "immediate"; readonly value: Expression }
  | { readonly kind: "far"; readonly segment: Expression; readonly offset: Expression }
  | MemoryOperand;

/** `[base + offset]`, perhaps with a width (`word [..]`) and a segment (`cs:[..]`) written before it. */
export interface MemoryOperand {
  readonly kind: "memory";
  readonly width: Width | null;
  readonly segment: number | null;
  /** The base registers as the processor numbers them; null for a plain address. */
  readonly base: number | null;
  readonly offset: Expression;
}

/** What one line of source says. */
export type Statement =
  | { readonly kind: "label"; readonly name: string }
  | { readonly kind: "instruction"; readonly mnemonic: string; readonly operands: readonly Operand[] }
  | { readonly kind: "data"; readonly width: Width; readonly values: readonly Expression[] };

const REGISTERS: ReadonlyMap<string, Operand> = new Map<string, Operand>([
  ...registers(8, ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"]),
  ...registers(16, ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]),
  ...registers(32, ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]),
]);
const SEGMENTS: readonly string[] = ["es", "cs", "ss", "ds"];
const LABEL = /^[._a-z]\w*$/i;
const SUM = /^\s*[+-]?\s*('[^']'|[.\w]+)(\s*[+-]\s*('[^']'|[.\w]+))*\s*$/;
/** The only sums of registers that 16-bit addressing knows, in the processor's numbering. */
const BASES: readonly string[] = ["bx+si", "bx+di", "bp+si", "bp+di", "si", "di", "bp", "bx"];
const DATA_WIDTHS: ReadonlyMap<string, Width> = new Map([["db", 8], ["dw", 16], ["dd", 32]]);
const MEMORY_WIDTHS: ReadonlyMap<string, Width> = new Map([["byte", 8], ["word", 16], ["dword", 32]]);

function registers(width: Width, names: readonly string[]): [string, Operand][] {
  return names.map((name, index) => [name, { kind: "register", width, index }]);
}

/**
 * Reads one line of assembler.
 *
 * @param line The line, without its line end; what follows a `;` is a comment.
 * @param scope The last label without a leading dot, which labels such as `.loop` belong to.
 * @returns The labels and at most one instruction or piece of data that it holds, in order.
 * @throws {SyntaxError} If it can't be read; the message says what was found.
 */
export function parseLine(line: string, scope: string): Statement[] {
  const statements: Statement[] = [];
  let rest = stripComment(line).trim();
  for (;;) {
    const label = /^([.\w]+):\s*/.exec(rest);
    if (label === null) break;
    const name = scoped(label[1] ?? "", scope);
    if (REGISTERS.has(name) || SEGMENTS.includes(name)) {
      throw new SyntaxError(`"${name}" is a register and can't be a label`);
    }
    if (!name.includes(".")) scope = name;
    statements.push({ kind: "label", name });
    rest = rest.slice(label[0].length);
  }
  if (rest === "") return statements;
  const [, mnemonic = "", tail = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
  const words = splitOperands(tail);
  const width = DATA_WIDTHS.get(mnemonic);
  if (width === undefined) {
    statements.push({
      kind: "instruction",
      mnemonic,
      operands: words.map((word) => parseOperand(word, scope)),
    });
  } else {
    statements.push({ kind: "data", width, values: words.flatMap((word) => parseData(word, scope)) });
  }
  return statements;
}

function stripComment(line: string): string {
  return /^(?:[^;"']|"[^"]*"|'[^']*')*/.exec(line)?.[0] ?? "";
}

function splitOperands(text: string): string[] {
  const words = text.match(/(?:[^,"']|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) => word.trim());
}

function scoped(name: string, scope: string): string {
  return name.startsWith(".") ? `${scope}${name}` : name;
}

function parseOperand(word: string, scope: string): Operand {
  const register = REGISTERS.get(word);
  if (register !== undefined) return register;
  if (SEGMENTS.includes(word)) return { kind: "segment-register", index: SEGMENTS.indexOf(word) };
  const memory = /^(?:(byte|word|dword)\s+)?(?:(\w\w):)?\[([^\]]*)\]$/.exec(word);
  if (memory !== null) return parseMemory(memory, scope);
  const far = /^([^:]+):([^:]+)$/.exec(word);
  if (far !== null && !word.includes("'")) {
    return {
      kind: "far",
      segment: parseExpression(far[1] ?? "", scope),
      offset: parseExpression(far[2] ?? "", scope),
    };
  }
  return { kind: "immediate", value: parseExpression(word, scope) };
}

function parseMemory([, width = "", segment, inner = ""]: readonly string[], scope: string): MemoryOperand {
  const terms = inner.replaceAll(/\s/g, "").replaceAll("-", "+-").split("+").filter((term) => term !== "");
  const bases = terms.filter((term) => REGISTERS.has(term));
  const offset = terms.filter((term) => !REGISTERS.has(term));
  const base = bases.length === 0 ? null : BASES.indexOf(bases.join("+"));
  if (base === -1) throw new SyntaxError(`"[${inner}]" is no 16-bit address`);
  if (segment !== undefined && !SEGMENTS.includes(segment)) {
    throw new SyntaxError(`"${segment}" is no segment register`);
  }
  return {
    kind: "memory",
    width: MEMORY_WIDTHS.get(width) ?? null,
    segment: segment === undefined ? null : SEGMENTS.indexOf(segment),
    base,
    offset: offset.length === 0 ? { labels: [], constant: 0 } : parseExpression(offset.join("+"), scope),
  };
}

function parseData(word: string, scope: string): Expression[] {
  const text = /^"([^"]*)"$/.exec(word)?.[1];
  if (text === undefined) return [parseExpression(word, scope)];
  return [...new TextEncoder().encode(text)].map((constant) => ({ labels: [], constant }));
}

function parseExpression(word: string, scope: string): Expression {
  const labels: string[] = [];
  let constant = 0;
  if (!SUM.test(word)) throw notAnOperand(word);
  for (const [, sign, term = ""] of word.matchAll(/([+-]?)\s*('[^']'|[^+\-\s]+)/g)) {
    const value = parseNumber(term);
    if (value !== null) {
      constant += sign === "-" ? -value : value;
    } else if (sign !== "-" && LABEL.test(term) && !REGISTERS.has(term)) {
      labels.push(scoped(term, scope));
    } else {
      throw notAnOperand(word);
    }
  }
  return { labels, constant };
}

function notAnOperand(word: string): SyntaxError {
  return new SyntaxError(
    `"${word}" is neither a register, a number, a label nor a sum of numbers and labels`,
  );
}

function parseNumber(term: string): number | null {
  if (/^'[^']'$/.test(term)) return term.charCodeAt(1);
  return /^(0x[\da-f]+|\d+)$/i.test(term) ? Number(term) : null;
}
