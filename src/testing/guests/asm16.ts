import { encode, type Encoding } from "./_asm16_encode.ts";
import { type Expression, parseLine, type Width } from "./_asm16_parse.ts";

/** Options of {@link assemble16}. */
export interface Assemble16Options {
  /**
   * The offset in its segment at which the code will run.
   *
   * @default {0x7c00}
   */
  origin?: number;
}

/** A piece of the program, with the source it comes from for messages. */
type Piece =
  | { readonly kind: "label"; readonly name: string; readonly source: Source }
  | { readonly kind: "code"; readonly encoding: Encoding; readonly source: Source };

interface Source {
  readonly line: number;
  readonly text: string;
}

/**
 * Assembles x86 code for real mode: what a boot sector or a tiny firmware image needs, no more.
 *
 * The syntax is NASM's: Intel order, `;` comments, `label:`, `.local:` labels, `byte [bx+2]`, `0xf000:start`,
 * `'c'`, and `db`, `dw`, `dd` for data. Code is 16-bit; 32-bit registers get their prefix. Jumps take the
 * shortest form that reaches. Constants come in by the template string: `mov dx, ${port}`.
 *
 * @param source The program.
 * @param options Where it will run.
 * @returns Its bytes.
 * @throws {SyntaxError} If a line can't be assembled; the message has its number, its text, and the reason.
 *
 * @example Print a letter on the first serial port and halt
 * ```ts
 * import { assemble16 } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const code = assemble16(`
 *         mov dx, 0x3f8
 *         mov al, 'K'
 *         out dx, al
 * halt:   hlt
 *         jmp halt
 * `);
 * assertEquals([...code], [0xba, 0xf8, 0x03, 0xb0, 0x4b, 0xee, 0xf4, 0xeb, 0xfd]);
 * ```
 */
export function assemble16(source: string, options: Assemble16Options = {}): Uint8Array<ArrayBuffer> {
  const { origin = 0x7c00 } = options;
  const pieces = parse(source);
  const near = new Set<Piece>();
  for (;;) {
    const layout = lay(pieces, near, origin);
    const tooFar = pieces.filter((piece) => !near.has(piece) && !reaches(piece, layout));
    if (tooFar.length === 0) return emit(pieces, near, layout);
    for (const piece of tooFar) near.add(piece);
  }
}

interface Layout {
  readonly labels: ReadonlyMap<string, number>;
  /** The address after each piece, which distances are counted from. */
  readonly ends: ReadonlyMap<Piece, number>;
}

function parse(program: string): Piece[] {
  const pieces: Piece[] = [];
  let scope = "";
  program.split("\n").forEach((text, index) => {
    const source = { line: index + 1, text: text.trim() };
    explain(source, () => {
      for (const statement of parseLine(text, scope)) {
        if (statement.kind === "label") {
          if (!statement.name.includes(".")) scope = statement.name;
          pieces.push({ kind: "label", name: statement.name, source });
        } else {
          pieces.push({ kind: "code", encoding: encode(statement), source });
        }
      }
    });
  });
  return pieces;
}

/** Gives every label its address, with the jumps in `near` in their long form and the others short. */
function lay(pieces: readonly Piece[], near: ReadonlySet<Piece>, origin: number): Layout {
  const labels = new Map<string, number>();
  const ends = new Map<Piece, number>();
  let address = origin;
  for (const piece of pieces) {
    if (piece.kind === "code") {
      address += sizeOf(piece.encoding, near.has(piece));
      ends.set(piece, address);
    } else {
      explain(piece.source, () => {
        if (labels.has(piece.name)) throw new SyntaxError(`the label "${piece.name}" exists already`);
      });
      labels.set(piece.name, address);
    }
  }
  return { labels, ends };
}

function sizeOf(encoding: Encoding, near: boolean): number {
  if (encoding.kind === "fixed") return encoding.fields.reduce((sum, { width }) => sum + width / 8, 0);
  const [opcode, distance] = branchForm(encoding, near);
  return opcode.length + distance / 8;
}

function branchForm(encoding: Encoding & { kind: "branch" }, near: boolean): [readonly number[], Width] {
  if (encoding.short !== null && !(near && encoding.near !== null)) return [encoding.short, 8];
  return [encoding.near ?? [], 16];
}

/** Whether a jump is well served by its short form; true for all else. */
function reaches(piece: Piece, layout: Layout): boolean {
  if (piece.kind === "label" || piece.encoding.kind === "fixed") return true;
  const { short, near, target } = piece.encoding;
  if (short === null || near === null) return true;
  const distance = explain(piece.source, () => evaluate(target, layout.labels)) -
    (layout.ends.get(piece) ?? 0);
  return distance >= -128 && distance <= 127;
}

function emit(pieces: readonly Piece[], near: ReadonlySet<Piece>, layout: Layout): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const piece of pieces) {
    if (piece.kind === "label") continue;
    const { encoding, source } = piece;
    explain(source, () => {
      if (encoding.kind === "fixed") {
        for (const { width, value } of encoding.fields) {
          pushNumber(bytes, width, evaluate(value, layout.labels), "unsigned");
        }
        return;
      }
      const [opcode, width] = branchForm(encoding, near.has(piece));
      const distance = evaluate(encoding.target, layout.labels) - (layout.ends.get(piece) ?? 0);
      bytes.push(...opcode);
      pushNumber(bytes, width, distance, "signed");
    });
  }
  return Uint8Array.from(bytes);
}

function evaluate({ labels, constant }: Expression, addresses: ReadonlyMap<string, number>): number {
  return labels.reduce((sum, label) => {
    const address = addresses.get(label);
    if (address === undefined) throw new SyntaxError(`there is no label "${label}"`);
    return sum + address;
  }, constant);
}

/** An unsigned field takes negative numbers too (-1 is 0xff); a signed one is a distance. */
function pushNumber(bytes: number[], width: Width, value: number, sign: "signed" | "unsigned"): void {
  const most = 2 ** (sign === "signed" ? width - 1 : width) - 1;
  if (value > most || value < -(2 ** (width - 1))) {
    throw new SyntaxError(`${value} does not fit into ${width} bits`);
  }
  for (let shift = 0; shift < width; shift += 8) bytes.push(value >> shift & 0xff);
}

function explain<T>({ line, text }: Source, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`Cannot assemble line ${line}, "${text}": ${error.message}`, { cause: error });
  }
}
