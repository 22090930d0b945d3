/** A firmware image that is installed. */
export interface FirmwareFact {
  kind: "SeaBIOS" | "qboot" | "UEFI";
  arch: string;
  /** For `firmware.bios` or `firmware.code` of a config. */
  code: string;
  /** The template of its variables, to be copied for each guest; null where there is none. */
  vars: string | null;
}

/** Where distributions and Homebrew keep QEMU's own files. */
const SHARES: readonly string[] = [
  "/usr/share",
  "/usr/local/share",
  "/opt/homebrew/share",
];

/** Below those: kind, architecture, code, template of the variables. */
const IMAGES: readonly (readonly [FirmwareFact["kind"], arch: string, code: string, vars: string | null])[] =
  [
    ["SeaBIOS", "x86_64", "seabios/bios-256k.bin", null],
    ["SeaBIOS", "x86_64", "qemu/bios-256k.bin", null],
    ["qboot", "x86_64", "qemu/qboot.rom", null],
    ["qboot", "x86_64", "qboot/qboot.rom", null],
    ["UEFI", "x86_64", "OVMF/OVMF_CODE_4M.fd", "OVMF/OVMF_VARS_4M.fd"],
    ["UEFI", "x86_64", "OVMF/OVMF_CODE.fd", "OVMF/OVMF_VARS.fd"],
    ["UEFI", "x86_64", "edk2/ovmf/OVMF_CODE.fd", "edk2/ovmf/OVMF_VARS.fd"],
    ["UEFI", "x86_64", "edk2/x64/OVMF_CODE.4m.fd", "edk2/x64/OVMF_VARS.4m.fd"],
    ["UEFI", "x86_64", "qemu/edk2-x86_64-code.fd", "qemu/edk2-i386-vars.fd"],
    ["UEFI", "x86_64", "qemu/ovmf-x86_64-code.bin", "qemu/ovmf-x86_64-vars.bin"],
    ["UEFI", "aarch64", "AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd"],
    ["UEFI", "aarch64", "edk2/aarch64/QEMU_EFI-pflash.raw", "edk2/aarch64/vars-template-pflash.raw"],
    ["UEFI", "aarch64", "qemu/edk2-aarch64-code.fd", "qemu/edk2-arm-vars.fd"],
    ["UEFI", "riscv64", "qemu/edk2-riscv-code.fd", "qemu/edk2-riscv-vars.fd"],
  ];

/**
 * Looks for firmware where it is usually installed.
 *
 * @returns What is there.
 */
export async function findFirmware(): Promise<FirmwareFact[]> {
  const found: FirmwareFact[] = [];
  for (const share of SHARES) {
    for (const [kind, arch, code, vars] of IMAGES) {
      if (!await isThere(`${share}/${code}`)) continue;
      const template = vars !== null && await isThere(`${share}/${vars}`) ? `${share}/${vars}` : null;
      found.push({ kind, arch, code: `${share}/${code}`, vars: template });
    }
  }
  return found;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
