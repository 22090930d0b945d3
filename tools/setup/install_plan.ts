/** What has to be known of a machine to install QEMU on it. */
export interface Machine {
  /** The package managers on the PATH. */
  readonly managers: readonly string[];
  readonly isRoot: boolean;
  /** Whether sudo works without asking for a password. */
  readonly hasFreeSudo: boolean;
}

/** How QEMU gets onto a machine. */
export type InstallPlan =
  /** These commands, in this order. */
  | { readonly kind: "run"; readonly commands: readonly (readonly string[])[] }
  /** The rights are missing: this is the one command that a person has to run. */
  | { readonly kind: "tell"; readonly command: string }
  /** There is no package manager that we know. */
  | { readonly kind: "unknown" };

interface Manager {
  readonly name: string;
  readonly commands: readonly (readonly string[])[];
  /** Homebrew alone wants an ordinary user. */
  readonly wantsRoot: boolean;
}

/** In the order of preference. */
const MANAGERS: readonly Manager[] = [
  {
    name: "apt-get",
    wantsRoot: true,
    commands: [
      ["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"],
      [
        ...["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"],
        ...["install", "-y", "--no-install-recommends", "qemu-system-x86", "qemu-utils"],
      ],
    ],
  },
  {
    name: "dnf",
    wantsRoot: true,
    commands: [["dnf", "install", "-y", "qemu-system-x86", "qemu-img"]],
  },
  {
    name: "pacman",
    wantsRoot: true,
    commands: [["pacman", "-S", "--noconfirm", "--needed", "qemu-system-x86", "qemu-img"]],
  },
  { name: "brew", wantsRoot: false, commands: [["brew", "install", "qemu"]] },
];

/** The names of the package managers that {@link planInstall} can use. */
export const MANAGER_NAMES: readonly string[] = MANAGERS.map(({ name }) => name);

/**
 * Decides how QEMU is installed.
 *
 * @param machine What the machine has.
 * @returns The commands to run or to tell.
 */
export function planInstall(machine: Machine): InstallPlan {
  const manager = MANAGERS.find(({ name }) => machine.managers.includes(name));
  if (manager === undefined) return { kind: "unknown" };
  const { commands, wantsRoot } = manager;
  if (wantsRoot === machine.isRoot) return { kind: "run", commands };
  const script = commands.map((command) => command.join(" ")).join(" && ");
  if (!wantsRoot) return { kind: "tell", command: script };
  if (machine.hasFreeSudo) {
    return { kind: "run", commands: commands.map((command) => ["sudo", "-n", ...command]) };
  }
  return { kind: "tell", command: commands.length === 1 ? `sudo ${script}` : `sudo sh -c '${script}'` };
}
