import { signOf } from "./code_page_437.ts";

/** Where the text of a screen is, as the registers of a VGA say. */
export interface TextGeometry {
  /** The address of its first character in the guest's memory. */
  readonly address: number;
  readonly columns: number;
  readonly rows: number;
  /** From one row to the next, in characters. */
  readonly pitch: number;
  /** The cursor's place, counted from 0; null when it is off, or not on the screen. */
  readonly cursor: { readonly row: number; readonly column: number } | null;
}

/** The registers that say it, each by its number. */
export interface VgaRegisters {
  /** Of the CRT controller (ports 3d4 and 3d5). */
  readonly crtc: Readonly<Record<number, number>>;
  /** The graphics controller's register 6, "miscellaneous" (ports 3ce and 3cf). */
  readonly graphics: number;
  /** Whether a mode of the Bochs extensions is set, in which these registers say nothing. */
  readonly extended: boolean;
}

/** The registers of the CRT controller that are looked at: sizes, cursor, start address, pitch. */
export const CRTC_REGISTERS: readonly number[] = [0x01, 0x07, 0x09, 0x0a, 0x0c, 0x0d, 0x0e, 0x0f, 0x12, 0x13];

/** Text memory of a colour screen: 32 KiB, 16 Ki characters with an attribute each. */
const COLOUR_BASE = 0xb8000;
const MONOCHROME_BASE = 0xb0000;
const MEMORY_CELLS = 16 * 1024;

/**
 * Reads the registers.
 *
 * @param registers The registers.
 * @returns Where the text is; null when the screen is in a graphics mode.
 */
export function textGeometry({ crtc, graphics, extended }: VgaRegisters): TextGeometry | null {
  if (extended || (graphics & 1) !== 0) return null;
  const at = (register: number) => crtc[register] ?? 0;
  const scanLines = (at(0x12) | (at(0x07) & 0x02) << 7 | (at(0x07) & 0x40) << 3) + 1;
  const doubled = (at(0x09) & 0x80) !== 0 ? 2 : 1;
  const rows = Math.floor(scanLines / doubled / ((at(0x09) & 0x1f) + 1));
  const columns = at(0x01) + 1;
  const pitch = at(0x13) * 2;
  if (rows < 1 || pitch < 1 || rows * pitch > MEMORY_CELLS) return null;
  const start = at(0x0c) << 8 | at(0x0d);
  const base = (graphics >> 2 & 3) === 2 ? MONOCHROME_BASE : COLOUR_BASE;
  const place = (at(0x0e) << 8 | at(0x0f)) - start;
  const row = Math.floor(place / pitch);
  const column = place - row * pitch;
  const cursorIsOff = (at(0x0a) & 0x20) !== 0;
  const isSeen = !cursorIsOff && place >= 0 && row < rows && column < columns;
  return {
    address: base + (start % MEMORY_CELLS) * 2,
    columns,
    rows,
    pitch,
    cursor: isSeen ? { row, column } : null,
  };
}

/**
 * Reads what QEMU's `xp /NNNhx` prints.
 *
 * @param dump Lines such as `00000000000b8000: 0x0753 0x0765`.
 * @returns The words.
 */
export function parseWords(dump: string): number[] {
  const words: number[] = [];
  for (const line of dump.split(/\r?\n/)) {
    const values = /^[0-9a-f]+:((?: 0x[0-9a-f]+)+)\s*$/.exec(line)?.[1];
    for (const value of values?.trim().split(" ") ?? []) words.push(Number(value));
  }
  return words;
}

/**
 * Makes text of a screen's memory: a character in the low byte of each word, its colours in the high one.
 *
 * @param words The memory, from the first character on.
 * @param geometry How it is laid out.
 * @returns The rows, without spaces at their ends, with a line end between two.
 */
export function screenTextOf(words: readonly number[], { columns, rows, pitch }: TextGeometry): string {
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const cells = words.slice(row * pitch, row * pitch + columns);
    lines.push(cells.map(signOf).join("").replace(/[ \u00a0]+$/, ""));
  }
  return lines.join("\n");
}
