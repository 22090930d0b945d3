import type { Expression, MemoryOperand, Operand, Statement, Width } from "./_asm16_parse.ts";

/** What becomes of a statement: bytes and fields that labels fill in later, or a jump whose length is still open. */
export type Encoding =
  | { readonly kind: "fixed"; readonly fields: readonly Field[] }
  | {
    readonly kind: "branch";
    /** Opcode bytes before a distance of 8 bits; null for what has no such form (`call`). */
    readonly short: readonly number[] | null;
    /** Opcode bytes before a distance of 16 bits; null for what has no such form (`loop`). */
    readonly near: readonly number[] | null;
    readonly target: Expression;
  };

/** One little-endian number in the output. */
export interface Field {
  readonly width: Width;
  readonly value: Expression;
}

/** Instructions without operands, and prefixes, which stand on a line of their own. */
const PLAIN: ReadonlyMap<string, readonly number[]> = new Map([
  ["cbw", [0x98]],
  ["clc", [0xf8]],
  ["cld", [0xfc]],
  ["cli", [0xfa]],
  ["hlt", [0xf4]],
  ["int3", [0xcc]],
  ["iret", [0xcf]],
  ["lodsb", [0xac]],
  ["lodsw", [0xad]],
  ["movsb", [0xa4]],
  ["movsw", [0xa5]],
  ["nop", [0x90]],
  ["popa", [0x61]],
  ["pusha", [0x60]],
  ["rep", [0xf3]],
  ["ret", [0xc3]],
  ["stc", [0xf9]],
  ["sti", [0xfb]],
  ["stosb", [0xaa]],
  ["stosw", [0xab]],
]);

/** In the order of their opcodes: each is 8 after the one before it. */
const ARITHMETIC: readonly string[] = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];

/** The instructions on one operand: opcode for 8 bits (one more for 16 and 32) and the number within the group. */
const UNARY: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["inc", [0xfe, 0]],
  ["dec", [0xfe, 1]],
  ["not", [0xf6, 2]],
  ["neg", [0xf6, 3]],
  ["mul", [0xf6, 4]],
  ["div", [0xf6, 6]],
]);

const SHIFTS: ReadonlyMap<string, number> = new Map([["rol", 0], ["ror", 1], ["shl", 4], ["shr", 5]]);

/** What follows the `j` of a conditional jump, with the number that ends its opcode. */
const CONDITIONS: ReadonlyMap<string, number> = new Map([
  ...[["o"], ["no"], ["b", "c"], ["ae", "nc"], ["e", "z"], ["ne", "nz"], ["be"], ["a"]],
  ...[["s"], ["ns"], ["p"], ["np"], ["l"], ["ge"], ["le"], ["g"]],
].flatMap((names, code) => names.map((name): [string, number] => [name, code])));

const SEGMENT_PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x3e];
const OPERAND_SIZE_PREFIX = 0x66;

/**
 * Turns an instruction or data into bytes, choosing the shortest form as other assemblers do.
 *
 * @param statement What to encode.
 * @returns Its bytes, with the places that labels still have to fill.
 * @throws {SyntaxError} If there is no such instruction or it does not take these operands.
 */
export function encode(statement: Exclude<Statement, { kind: "label" }>): Encoding {
  if (statement.kind === "data") {
    return { kind: "fixed", fields: statement.values.map((value) => ({ width: statement.width, value })) };
  }
  const { mnemonic, operands } = statement;
  const encoding = encodeBranch(mnemonic, operands) ?? encodeOther(mnemonic, operands);
  if (encoding === null) throw new SyntaxError(`no instruction "${mnemonic}" with such operands is known`);
  return encoding;
}

function encodeBranch(mnemonic: string, [target, ...more]: readonly Operand[]): Encoding | null {
  if (target?.kind !== "immediate" || more.length > 0) return null;
  const branch = { kind: "branch", target: target.value } as const;
  if (mnemonic === "jmp") return { ...branch, short: [0xeb], near: [0xe9] };
  if (mnemonic === "call") return { ...branch, short: null, near: [0xe8] };
  if (mnemonic === "loop") return { ...branch, short: [0xe2], near: null };
  if (mnemonic === "jcxz") return { ...branch, short: [0xe3], near: null };
  const condition = CONDITIONS.get(mnemonic.slice(1));
  if (!mnemonic.startsWith("j") || condition === undefined) return null;
  return { ...branch, short: [0x70 + condition], near: [0x0f, 0x80 + condition] };
}

function encodeOther(mnemonic: string, operands: readonly Operand[]): Encoding | null {
  const fields = encodeFields(mnemonic, operands);
  return fields === null ? null : { kind: "fixed", fields };
}

function encodeFields(mnemonic: string, operands: readonly Operand[]): Field[] | null {
  const [a, b] = operands;
  if (a === undefined) return PLAIN.get(mnemonic)?.map(byte) ?? null;
  if (b === undefined) return encodeOne(mnemonic, a);
  if (operands.length > 2) return null;
  if (ARITHMETIC.includes(mnemonic)) return encodeArithmetic(ARITHMETIC.indexOf(mnemonic), a, b);
  if (SHIFTS.has(mnemonic)) return encodeShift(SHIFTS.get(mnemonic) ?? 0, a, b);
  switch (mnemonic) {
    case "mov":
      return encodeMov(a, b);
    case "test":
      return encodeTest(a, b);
    case "in":
      return encodePort(0xe4, a, b);
    case "out":
      return encodePort(0xe6, b, a);
    default:
      return null;
  }
}

function encodeOne(mnemonic: string, a: Operand): Field[] | null {
  if (mnemonic === "jmp" && a.kind === "far") return [byte(0xea), word(a.offset), word(a.segment)];
  if (mnemonic === "jmp" && isWide(a, 16)) return instruction([0xff], 4, a, 16);
  if (mnemonic === "call" && isWide(a, 16)) return instruction([0xff], 2, a, 16);
  if (mnemonic === "lgdt" && a.kind === "memory") return instruction([0x0f, 0x01], 2, a, 16);
  if (mnemonic === "lidt" && a.kind === "memory") return instruction([0x0f, 0x01], 3, a, 16);
  if (mnemonic === "int" && a.kind === "immediate") return [byte(0xcd), { width: 8, value: a.value }];
  if (mnemonic === "push" || mnemonic === "pop") return encodeStack(mnemonic, a);
  const group = UNARY.get(mnemonic);
  const width = widthOf(a);
  if (group === undefined || width === null) return null;
  const [opcode, digit] = group;
  // 16 and 32-bit registers have one-byte forms of inc and dec.
  if (opcode === 0xfe && a.kind === "register" && width !== 8) {
    return [...prefix(width), byte(0x40 + digit * 8 + a.index)];
  }
  return instruction([opcode + wide(width)], digit, a, width);
}

function encodeStack(mnemonic: "push" | "pop", a: Operand): Field[] | null {
  const isPush = mnemonic === "push";
  if (a.kind === "register" && a.width !== 8) {
    return [...prefix(a.width), byte((isPush ? 0x50 : 0x58) + a.index)];
  }
  if (a.kind === "segment-register") {
    // cs can be pushed but not popped.
    return isPush || a.index !== 1 ? [byte((isPush ? 0x06 : 0x07) + a.index * 8)] : null;
  }
  if (!isPush || a.kind !== "immediate") return null;
  return fitsSignedByte(a.value) ? [byte(0x6a), { width: 8, value: a.value }] : [byte(0x68), word(a.value)];
}

function encodeMov(a: Operand, b: Operand): Field[] | null {
  if (a.kind === "segment-register") return isWide(b, 16) ? instruction([0x8e], a.index, b, 16) : null;
  if (b.kind === "segment-register") return isWide(a, 16) ? instruction([0x8c], b.index, a, 16) : null;
  const width = commonWidth(a, b);
  if (width === null) return null;
  if (b.kind === "immediate") {
    const value = { width, value: b.value };
    if (a.kind !== "register") return append(instruction([0xc6 + wide(width)], 0, a, width), value);
    return [...prefix(width), byte((width === 8 ? 0xb0 : 0xb8) + a.index), value];
  }
  const moffs = encodeAccumulatorMov(a, b, width);
  if (moffs !== null) return moffs;
  if (b.kind === "register") return instruction([0x88 + wide(width)], b.index, a, width);
  if (a.kind === "register") return instruction([0x8a + wide(width)], a.index, b, width);
  return null;
}

/** `mov ax, [0x1234]` and back has a form without a ModRM byte. */
function encodeAccumulatorMov(a: Operand, b: Operand, width: Width): Field[] | null {
  const [register, memory, opcode] = a.kind === "memory" ? [b, a, 0xa2] as const : [a, b, 0xa0] as const;
  if (register.kind !== "register" || register.index !== 0) return null;
  if (memory.kind !== "memory" || memory.base !== null) return null;
  return [...prefix(width, memory), byte(opcode + wide(width)), word(memory.offset)];
}

function encodeArithmetic(digit: number, a: Operand, b: Operand): Field[] | null {
  const width = commonWidth(a, b);
  if (width === null) return null;
  const opcode = digit * 8 + wide(width);
  if (b.kind === "register") return instruction([opcode], b.index, a, width);
  if (b.kind === "memory") return a.kind === "register" ? instruction([opcode + 2], a.index, b, width) : null;
  if (b.kind !== "immediate") return null;
  if (width !== 8 && fitsSignedByte(b.value)) {
    return append(instruction([0x83], digit, a, width), { width: 8, value: b.value });
  }
  const value = { width, value: b.value };
  if (a.kind === "register" && a.index === 0) return [...prefix(width), byte(opcode + 4), value];
  return append(instruction([0x80 + wide(width)], digit, a, width), value);
}

function encodeTest(a: Operand, b: Operand): Field[] | null {
  const width = commonWidth(a, b);
  if (width === null) return null;
  if (b.kind === "register") return instruction([0x84 + wide(width)], b.index, a, width);
  if (b.kind !== "immediate") return null;
  const value = { width, value: b.value };
  if (a.kind === "register" && a.index === 0) return [...prefix(width), byte(0xa8 + wide(width)), value];
  return append(instruction([0xf6 + wide(width)], 0, a, width), value);
}

function encodeShift(digit: number, a: Operand, b: Operand): Field[] | null {
  const width = widthOf(a);
  if (width === null) return null;
  if (b.kind === "register") {
    return b.width === 8 && b.index === 1 ? instruction([0xd2 + wide(width)], digit, a, width) : null;
  }
  if (b.kind !== "immediate") return null;
  if (b.value.labels.length === 0 && b.value.constant === 1) {
    return instruction([0xd0 + wide(width)], digit, a, width);
  }
  return append(instruction([0xc0 + wide(width)], digit, a, width), { width: 8, value: b.value });
}

/** `in` and `out`: the data is in al, ax or eax, the port in dx or one byte. */
function encodePort(opcode: number, data: Operand, port: Operand): Field[] | null {
  if (data.kind !== "register" || data.index !== 0) return null;
  if (port.kind === "register") {
    return port.width === 16 && port.index === 2
      ? [...prefix(data.width), byte(opcode + 8 + wide(data.width))]
      : null;
  }
  if (port.kind !== "immediate") return null;
  return [...prefix(data.width), byte(opcode + wide(data.width)), { width: 8, value: port.value }];
}

/** Prefixes, opcode and ModRM byte of an instruction on a register or memory. */
function instruction(
  opcode: readonly number[],
  digit: number,
  operand: Operand,
  width: Width,
): Field[] | null {
  if (operand.kind === "register") {
    return [...prefix(width), ...opcode.map(byte), byte(0xc0 | digit << 3 | operand.index)];
  }
  if (operand.kind !== "memory") return null;
  const { base, offset } = operand;
  const start = [...prefix(width, operand), ...opcode.map(byte)];
  if (base === null) return [...start, byte(digit << 3 | 6), word(offset)];
  // [bp] alone does not exist: its place in the encoding means a plain address.
  if (isZero(offset) && base !== 6) return [...start, byte(digit << 3 | base)];
  if (fitsSignedByte(offset)) {
    return [...start, byte(0x40 | digit << 3 | base), { width: 8, value: offset }];
  }
  return [...start, byte(0x80 | digit << 3 | base), word(offset)];
}

function prefix(width: Width, memory?: MemoryOperand): Field[] {
  const fields: Field[] = [];
  const segment = memory?.segment ?? null;
  if (segment !== null) fields.push(byte(SEGMENT_PREFIXES[segment] ?? 0));
  if (width === 32) fields.push(byte(OPERAND_SIZE_PREFIX));
  return fields;
}

function append(fields: Field[] | null, field: Field): Field[] | null {
  return fields === null ? null : [...fields, field];
}

function byte(constant: number): Field {
  return { width: 8, value: { labels: [], constant } };
}

function word(value: Expression): Field {
  return { width: 16, value };
}

/** The lowest bit of most opcodes: 0 for 8 bits, 1 for 16 and 32. */
function wide(width: Width): 0 | 1 {
  return width === 8 ? 0 : 1;
}

function widthOf(operand: Operand): Width | null {
  return operand.kind === "register" || operand.kind === "memory" ? operand.width : null;
}

function commonWidth(a: Operand, b: Operand): Width | null {
  const [left, right] = [widthOf(a), widthOf(b)];
  if (left !== null && right !== null && left !== right) return null;
  return left ?? right;
}

/** Whether an operand is of this width, or memory that takes any. */
function isWide(operand: Operand, width: Width): boolean {
  if (operand.kind === "memory") return operand.width === null || operand.width === width;
  return operand.kind === "register" && operand.width === width;
}

function isZero({ labels, constant }: Expression): boolean {
  return labels.length === 0 && constant === 0;
}

function fitsSignedByte({ labels, constant }: Expression): boolean {
  return labels.length === 0 && constant >= -128 && constant <= 127;
}
