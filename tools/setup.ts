/**
 * Prepares this machine for the demo and the tests: installs QEMU if there is none, and downloads the kernel of
 * the Linux guest and a second QEMU. It imports nothing from outside, so that it runs before anything else is there.
 */
import { makeAgentAssets } from "./setup/agent_assets.ts";
import { type InstallPlan, MANAGER_NAMES, planInstall } from "./setup/install_plan.ts";
import { makeLinuxAssets } from "./setup/linux_assets.ts";
import { makeQemu10 } from "./setup/qemu_10.ts";
import { CommandError, run, runShown, say, which } from "./setup/run.ts";

const HELP = `Prepares this machine for the demo and the tests.

Usage: deno task setup [--qemu-only]

Installs QEMU (qemu-system-x86_64) with apt-get, dnf, pacman or brew if it is not on the PATH, saying what it
runs. Without the rights to do so it prints the one command to run and exits with 1.
Then, on Debian, downloads the kernel and the busybox of the Linux guest to .cache/linux, and the guest agent
to .cache/agent, without installing them; and on Debian 12, QEMU 10 from its backports to .cache/qemu-10, to
test with beside the system's own. What is there already is left alone, and what can't be had is left out.

Options:
  --qemu-only  Install QEMU and nothing else
  --help       Show this help`;

const LINUX_FOLDER = `${import.meta.dirname?.replace(/\/tools$/, "")}/.cache/linux`;
const AGENT_FOLDER = `${import.meta.dirname?.replace(/\/tools$/, "")}/.cache/agent`;
const QEMU_10_FOLDER = `${import.meta.dirname?.replace(/\/tools$/, "")}/.cache/qemu-10`;
const QEMU = "qemu-system-x86_64";

/** Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    say(HELP);
    return 0;
  }
  const unknown = args.find((arg) => arg !== "--qemu-only");
  if (unknown !== undefined) {
    say(`Cannot set up: there is no option "${unknown}"\n\n${HELP}`);
    return 2;
  }
  if (!await setUpQemu()) return 1;
  if (args.includes("--qemu-only")) return 0;
  await setUpLinux();
  await setUpQemu10();
  return 0;
}

async function setUpQemu(): Promise<boolean> {
  const present = await which(QEMU);
  if (present !== null) {
    say(`QEMU: ${present}`);
    return true;
  }
  const plan = await planFor();
  switch (plan.kind) {
    case "unknown":
      say(`There is no ${QEMU} on the PATH, and none of ${MANAGER_NAMES.join(", ")} to install it with.`);
      say("Install QEMU for x86 in your system's way and run this again.");
      return false;
    case "tell":
      say(`There is no ${QEMU} on the PATH, and installing it needs rights that you don't have here. Run:`);
      say(`\n  ${plan.command}\n`);
      return false;
    case "run":
      say(`There is no ${QEMU} on the PATH. Installing it:`);
      for (const command of plan.commands) {
        say(`$ ${command.join(" ")}`);
        await runShown(command);
      }
  }
  const installed = await which(QEMU);
  say(installed === null ? `Cannot find ${QEMU} on the PATH after the install` : `QEMU: ${installed}`);
  return installed !== null;
}

async function planFor(): Promise<InstallPlan> {
  const managers: string[] = [];
  for (const name of MANAGER_NAMES) {
    if (await which(name) !== null) managers.push(name);
  }
  const isRoot = Deno.uid() === 0;
  return planInstall({ managers, isRoot, hasFreeSudo: !isRoot && await hasFreeSudo() });
}

async function hasFreeSudo(): Promise<boolean> {
  if (await which("sudo") === null) return false;
  return await run(["sudo", "-n", "true"]).then(() => true, (error) => {
    if (error instanceof CommandError) return false; // it asked for a password
    throw error;
  });
}

async function setUpLinux(): Promise<void> {
  const assets = await makeLinuxAssets(LINUX_FOLDER);
  switch (assets.kind) {
    case "present":
      say("Linux guest: .cache/linux");
      break;
    case "made":
      say(`Linux guest: .cache/linux (kernel ${assets.release})`);
      break;
    case "impossible":
      say(`The tests with a Linux guest can't run here: ${assets.reason}.`);
      return;
  }
  const agent = await makeAgentAssets(AGENT_FOLDER);
  if (agent.kind === "impossible") say(`The tests with a guest agent can't run here: ${agent.reason}.`);
  else say("Guest agent: .cache/agent");
}

async function setUpQemu10(): Promise<void> {
  const qemu = await makeQemu10(QEMU_10_FOLDER);
  if (qemu.kind === "impossible") say(`The tests with QEMU 10 can't run here: ${qemu.reason}.`);
  else say("QEMU 10: .cache/qemu-10");
}

try {
  Deno.exitCode = await main(Deno.args);
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  say(error.message);
  Deno.exitCode = 1;
}
