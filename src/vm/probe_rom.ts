/** The size of a `-bios` image, and where in it execution starts: QEMU maps it below 1 MiB and below 4 GiB. */
const ROM_BYTES = 64 * 1024;
const ENTRY = 0xfff0;
const CODE_AT = 0xfc00;

/**
 * The probe guest: from real mode to protected mode, paging and 64-bit long mode, then a loop of 2,000,000 turns, then value
 * 0x2a to isa-debug-exit (QEMU's exit code is then 85). So it needs what a real guest needs of an accelerator, and shows its speed.
 * On the way it writes the letters R l P p G L k to port 0xe9, one for each stage.
 *
 * It can't be written with the test kit's assembler, which knows 16-bit code only.
 */
const CODE =
  "ea05fc00f0fa8cc88ed831c08ed0bc007cb052e6e9a30000b9204ee2feb06ce6e9660f0116d3fc0f20c00c010f22c066ea37" +
  "fc0f00080066b810008ed88ec08ed0bc007c0000b050e6e9bf0010000031c0b9000c0000fcf3abc7050010000003200000c7" +
  "050020000003300000c7050030000083000000b070e6e90f20e083c8200f22e0b8001000000f22d8b9800000c00f320d0001" +
  "00000f300f20c00d000000800f22c0b047e6e9eab0fc0f00180066b810008ed88ed0b04ce6e9b980841e00ffc975fcb06be6" +
  "e966ba0105b02aeef4ebfd1f00e0fc0f008db400008d74000000000000000000ffff0000009bcf00ffff00000093cf00ffff" +
  "0000009baf00";

/**
 * The probe guest as a firmware image.
 *
 * @returns 64 KiB for `-bios`.
 */
export function probeRom(): Uint8Array<ArrayBuffer> {
  const rom = new Uint8Array(ROM_BYTES).fill(0xf4);
  rom.set(Uint8Array.fromHex(CODE), CODE_AT);
  // A near jump back to the code: its operand counts from the end of the jump's 3 bytes.
  const offset = (CODE_AT - (ENTRY + 3)) & 0xffff;
  rom.set([0xe9, offset & 0xff, offset >> 8], ENTRY);
  return rom;
}
