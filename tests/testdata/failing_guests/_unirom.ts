import { rom, unirom } from "../../../src/testing/mod.ts";
import type { VmConfig } from "../../../src/machine/mod.ts";

/** The guest that obeys one-byte commands; its firmware is where EVIDENCE_TEST_DIR says. */
export async function uniConfig(): Promise<VmConfig> {
  const bios = `${Deno.env.get("EVIDENCE_TEST_DIR")}/unirom`;
  await Deno.writeFile(bios, rom(unirom.code));
  return { name: "uni", accel: "tcg", memoryMiB: 16, firmware: { bios } };
}
