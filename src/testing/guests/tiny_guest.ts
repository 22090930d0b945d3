import { assemble16 } from "./asm16.ts";

/** A guest of a few bytes that does one thing. */
export interface TinyGuest {
  /** Its name in messages and test names. */
  readonly name: string;
  /** What it does, in one sentence. */
  readonly description: string;
  /** The QEMU arguments that it can't do without, such as the device that it uses. */
  readonly needs: readonly string[];
  /** The assembler source. */
  readonly source: string;
  /** The machine code, for `rom()`, `bootSector()` or `diskImage()`; a fresh copy at each use. */
  readonly code: Uint8Array<ArrayBuffer>;
}

/**
 * A guest from its source. It is assembled when its code is asked for, so guests that nobody uses cost nothing.
 *
 * @param guest What it is called, does and needs.
 * @param origin The offset at which it will run; of no account for code without absolute addresses.
 * @returns The guest.
 */
export function defineGuest(guest: Omit<TinyGuest, "code">, origin = 0x7c00): TinyGuest {
  return {
    ...guest,
    get code() {
      return assemble16(guest.source, { origin });
    },
  };
}

/**
 * Assembler source that gives the power management block of pc and q35 its place at port 0x600, as SeaBIOS
 * does. Without it a guest that starts as firmware can't power off. It does no harm where SeaBIOS ran before.
 */
export const SET_UP_POWER_MANAGEMENT: string = [
  writePciConfig(0x80000b40, 0x601), // pc: PIIX4 function 3 at 00:01.3, base address of the block
  writePciConfig(0x80000b80, 1), //     pc: switch the block on
  writePciConfig(0x8000f840, 0x601), // q35: ICH9 LPC bridge at 00:1f.0, base address of the block
  writePciConfig(0x8000f844, 0x80), //  q35: switch the block on
].join("");

function writePciConfig(address: number, value: number): string {
  return `
        mov eax, ${address}
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, ${value}
        out dx, eax
`;
}
