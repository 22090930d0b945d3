import type { VmConfig } from "./config.ts";
import type { HostFacts } from "./facts.ts";
import { formatOption } from "./options.ts";

/**
 * The arguments for QEMU's seccomp filter.
 *
 * @param config The config.
 * @param facts Whether the binary has it.
 * @returns Arguments. A config that asks for it gets it in any case, so that QEMU refuses rather than runs without.
 */
export function sandboxArgs(config: VmConfig, facts: Pick<HostFacts, "sandbox">): string[] {
  const { sandbox = facts.sandbox } = config;
  if (sandbox === false) return [];
  const spawns = sandbox === "allow-spawn" || needsSpawn(config);
  return [
    "-sandbox",
    formatOption("on", {
      obsolete: "deny",
      elevateprivileges: "deny",
      // With spawn=deny the kernel kills QEMU 7.2 when it starts a program (10.0 gets an error), so it is only for configs that never do.
      spawn: spawns ? undefined : "deny",
      resourcecontrol: "deny",
    }),
  ];
}

/**
 * Whether a config makes QEMU start another program: an `exec:` migration, or among the raw arguments a helper or a script.
 *
 * @param config The config.
 * @returns True if `spawn=deny` would be in its way.
 */
export function needsSpawn(config: VmConfig): boolean {
  return /\bexec\b/.test(config.incoming ?? "") || (config.extraArgs ?? []).some(startsProgram);
}

function startsProgram(arg: string): boolean {
  if (/\b(exec|cmd):|\b(helper|smb|guestfwd)=|"(exec|tap|bridge)"/.test(arg)) return true;
  if (/^bridge(,|$)/.test(arg)) return true;
  // A tap runs /etc/qemu-ifup and /etc/qemu-ifdown unless told not to, or given one that is open already.
  const silent = /,script=no(,|$)/.test(arg) && /,downscript=no(,|$)/.test(arg);
  return /^tap(,|$)/.test(arg) && !silent && !/,fds?=/.test(arg);
}
