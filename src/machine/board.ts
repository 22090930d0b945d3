import type { VmConfig } from "./config.ts";
import type { HostFacts } from "./facts.ts";

/** What a machine type has to plug devices into. */
export interface Board {
  /** How its virtio devices end: `virtio-net-pci`, `-device` (virtio-mmio) or `-ccw`. Null where it can have none. */
  virtio: "pci" | "device" | "ccw" | null;
  /** It has a PCI bus. */
  pci: boolean;
  /** It has an ISA bus. */
  isa: boolean;
  /** Its IDE or AHCI controller: how many buses, and how many drives on each. Null where it has none. */
  ide: { buses: number; units: number } | null;
  /** It has a UART that `-serial` is plugged into. */
  uart: boolean;
  /** It looks at `-vga`. */
  vga: boolean;
  /** Its processor is an x86. */
  x86: boolean;
}

/** A machine type that isn't in the table: a UART is taken for granted, the buses that default devices need are not. */
const UNKNOWN: Board = {
  virtio: "pci",
  pci: false,
  isa: false,
  ide: null,
  uart: true,
  vga: true,
  x86: false,
};
const EMPTY: Board = {
  virtio: null,
  pci: false,
  isa: false,
  ide: null,
  uart: false,
  vga: false,
  x86: false,
};
const PC: Board = {
  virtio: "pci",
  pci: true,
  isa: true,
  ide: { buses: 2, units: 2 },
  uart: true,
  vga: true,
  x86: true,
};
const Q35: Board = { ...PC, ide: { buses: 6, units: 1 } };
const ISA_PC: Board = { ...PC, virtio: null, pci: false };
const MICROVM: Board = { ...PC, virtio: "device", pci: false, ide: null, vga: false };
const VIRT: Board = { ...UNKNOWN, pci: true, vga: false };
const PSERIES: Board = { ...UNKNOWN, pci: true };
const S390: Board = { ...UNKNOWN, virtio: "ccw", uart: false, vga: false };

const VIRT_ARCHES: readonly string[] = ["aarch64", "arm", "riscv64", "riscv32", "loongarch64"];

/**
 * The machine type that a config means.
 *
 * @param config The config.
 * @param facts Of its QEMU, the architecture.
 * @returns The type's name, or undefined where it is left to QEMU.
 */
export function machineType(config: VmConfig, facts: Pick<HostFacts, "arch">): string | undefined {
  if (config.machine !== undefined) return config.machine;
  if (isX86(facts.arch)) return "pc";
  if (VIRT_ARCHES.includes(facts.arch)) return "virt";
  if (facts.arch === "s390x") return "s390-ccw-virtio";
  if (facts.arch === "ppc64") return "pseries";
  return undefined;
}

/**
 * What the board of a config has. Versioned types (`pc-q35-7.2`) are as their family; the facts were read off QEMU 7.2.
 *
 * @param config The config: its machine type and its properties.
 * @param facts Of its QEMU, the architecture.
 * @returns The board; for a machine type that isn't known, one on which no device is taken for granted.
 */
export function boardOf(config: VmConfig, facts: Pick<HostFacts, "arch">): Board {
  const type = machineType(config, facts) ?? "";
  if (type === "none") return EMPTY;
  if (isX86(facts.arch)) {
    if (/^(pc-)?q35(-|$)/.test(type)) return Q35;
    if (/^pc(-|$)/.test(type)) return PC;
    if (type === "isapc") return ISA_PC;
    if (type === "microvm") {
      const pcie = isOn(config.machineProps?.pcie ?? false);
      const uart = isOn(config.machineProps?.["isa-serial"] ?? true);
      return pcie ? { ...MICROVM, virtio: "pci", pci: true, uart } : { ...MICROVM, uart };
    }
    return { ...UNKNOWN, x86: true };
  }
  if (VIRT_ARCHES.includes(facts.arch) && /^virt(-|$)/.test(type)) return VIRT;
  if (type.startsWith("s390-ccw-virtio")) return S390;
  if (/^pseries(-|$)/.test(type)) return PSERIES;
  return UNKNOWN;
}

/**
 * A virtio device's name on a board.
 *
 * @param board The board. Where it can have no virtio device the PCI name is given, and QEMU says what is missing.
 * @param kind The device without its ending: `virtio-net`, `vhost-vsock`.
 * @returns The name for `-device`.
 */
export function virtioDevice(board: Board, kind: string): string {
  return `${kind}-${board.virtio ?? "pci"}`;
}

function isX86(arch: string): boolean {
  return arch === "x86_64" || arch === "i386";
}

/** Whether QEMU takes a property's value for true. */
function isOn(value: string | number | boolean): boolean {
  return value === true || value === "on" || value === "yes" || value === "true" || value === "y";
}
