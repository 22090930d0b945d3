import type { VmConfig } from "../../../src/machine/mod.ts";

/** The guest that obeys one-byte commands; whoever runs these tests says where its firmware is. */
export function uniConfig(): VmConfig {
  const bios = Deno.env.get("GUEST_FIRMWARE") ?? "";
  return { name: "uni", accel: "tcg", memoryMiB: 16, firmware: { bios } };
}
