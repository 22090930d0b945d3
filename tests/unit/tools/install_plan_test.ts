import { assertEquals } from "@std/assert";
import { type InstallPlan, type Machine, planInstall } from "../../../tools/setup/install_plan.ts";

const APT_UPDATE = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"];
const APT_INSTALL = [
  ...["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"],
  ...["install", "-y", "--no-install-recommends", "qemu-system-x86", "qemu-utils"],
];
const APT_SCRIPT = `${APT_UPDATE.join(" ")} && ${APT_INSTALL.join(" ")}`;
const DNF = ["dnf", "install", "-y", "qemu-system-x86", "qemu-img"];

const CASES: { name: string; machine: Machine; plan: InstallPlan }[] = [
  {
    name: "runs apt-get, lists first, for root",
    machine: { managers: ["apt-get"], isRoot: true, hasFreeSudo: false },
    plan: { kind: "run", commands: [APT_UPDATE, APT_INSTALL] },
  },
  {
    name: "runs it with sudo, never asking, for a user with free sudo",
    machine: { managers: ["apt-get"], isRoot: false, hasFreeSudo: true },
    plan: { kind: "run", commands: [["sudo", "-n", ...APT_UPDATE], ["sudo", "-n", ...APT_INSTALL]] },
  },
  {
    name: "tells the one command to a user without rights",
    machine: { managers: ["apt-get"], isRoot: false, hasFreeSudo: false },
    plan: { kind: "tell", command: `sudo sh -c '${APT_SCRIPT}'` },
  },
  {
    name: "tells a single command without a shell around it",
    machine: { managers: ["dnf"], isRoot: false, hasFreeSudo: false },
    plan: { kind: "tell", command: `sudo ${DNF.join(" ")}` },
  },
  {
    name: "runs pacman for root",
    machine: { managers: ["pacman"], isRoot: true, hasFreeSudo: false },
    plan: {
      kind: "run",
      commands: [["pacman", "-S", "--noconfirm", "--needed", "qemu-system-x86", "qemu-img"]],
    },
  },
  {
    name: "runs brew for an ordinary user",
    machine: { managers: ["brew"], isRoot: false, hasFreeSudo: false },
    plan: { kind: "run", commands: [["brew", "install", "qemu"]] },
  },
  {
    name: "does not run brew as root, which it refuses",
    machine: { managers: ["brew"], isRoot: true, hasFreeSudo: false },
    plan: { kind: "tell", command: "brew install qemu" },
  },
  {
    name: "prefers the system's own manager to brew",
    machine: { managers: ["brew", "dnf"], isRoot: true, hasFreeSudo: false },
    plan: { kind: "run", commands: [DNF] },
  },
  {
    name: "has no plan without a package manager",
    machine: { managers: [], isRoot: true, hasFreeSudo: false },
    plan: { kind: "unknown" },
  },
];

for (const { name, machine, plan } of CASES) {
  Deno.test(`planInstall() ${name}`, () => assertEquals(planInstall(machine), plan));
}
