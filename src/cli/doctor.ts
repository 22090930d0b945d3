import type { Command } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { examineHost, type HostReport, type QemuFact, sawPrograms } from "./host_facts.ts";
import { formatTable } from "./table.ts";
import { formatJson } from "./text.ts";

/** `qeeper doctor`: what this machine can run. */
export const doctor: Command = {
  usage: ["[OPTIONS]"],
  description: [
    "Says what this machine can run, and tries it: each QEMU that is installed starts a machine without devices; KVM runs a small guest " +
    "against the clock, since some hosts have a /dev/kvm that opens and is a thousand times too slow (measured once a boot).",
    "",
    "Exits with 1 when nothing can be run, and says what to install.",
  ].join("\n"),
  operands: { min: 0, max: 0 },
  options: [{ name: "json", description: "everything as one JSON object" }],
  examples: [
    ["qeeper doctor", "what can this machine run?"],
    ["qeeper doctor --json | jq .kvm.reason", "why is KVM not used?"],
  ],
  async run({ flags }, io) {
    const report = await examineHost();
    await io.stdout.write(flags.has("json") ? `${formatJson(report, 2)}\n` : describeHost(report));
    return report.usable ? EXIT.ok : EXIT.failed;
  },
};

/**
 * A report on the host as text.
 *
 * @param report What was found.
 * @returns Tables, then what to do.
 */
export function describeHost(report: HostReport): string {
  const { host, qemu, kvm, firmware, tools, vhostVsock, runDirectory, deno, advice } = report;
  const denied = Object.entries(deno.permissions).filter(([, state]) => state !== "granted");
  const absent = sawPrograms(deno.permissions) ? "missing" : "not looked at";
  const none = sawPrograms(deno.permissions) ? "none found on PATH" : "not looked for: see permissions";
  return [
    `QEMU:\n${formatTable(qemu.length === 0 ? [[none]] : qemu.map(qemuRow), "  ")}`,
    `This host:\n${
      formatTable([
        ["system", `${host.os} ${host.release}, ${host.arch}, ${host.cpus} CPUs`],
        ["KVM", `${kvm.usable ? "yes" : "no"}: ${kvm.reason}`],
        ["vhost-vsock", vhostVsock],
        ["setpriv", tools.setpriv ?? absent],
        ["qemu-img", tools.qemuImg ?? absent],
        ["run directories", describeRunDirectory(runDirectory)],
        ["Deno", deno.version],
        [
          "permissions",
          denied.length === 0
            ? "all that are needed"
            : denied.map(([name, state]) => `${name}: ${state}`).join(", "),
        ],
      ], "  ")
    }`,
    `Firmware:\n${
      formatTable(
        firmware.length === 0
          ? [[
            deno.permissions.read === "granted"
              ? "none found in the usual places"
              : "not looked for: see permissions",
          ]]
          : firmware.map(({ kind, arch, code, vars }) => [kind, arch, code, vars ?? ""]),
        "  ",
      )
    }`,
    advice.length === 0 ? "" : `To do:\n${formatTable(advice.map((line) => [line]), "  ")}`,
    ending(report),
  ].filter((part) => part !== "").join("\n");
}

function ending({ usable, deno }: HostReport): string {
  if (usable) return "This machine can run guests.\n";
  return sawPrograms(deno.permissions)
    ? "This machine can run nothing yet.\n"
    : "What this machine can run could not be seen.\n";
}

function qemuRow(
  { binary, version, accelerator, reason, sandbox, launchMs, problem, builtIn }: QemuFact,
): string[] {
  const head = [binary, version ?? "unknown version"];
  if (problem !== null) return [...head, "fails", problem];
  return [
    ...head,
    `works (${launchMs} ms)`,
    `${accelerator} of ${builtIn.join(", ")}`,
    sandbox ? "sandbox" : "no sandbox",
    reason,
  ];
}

function describeRunDirectory({ path, socketPathBytes, fits, problem }: HostReport["runDirectory"]): string {
  if (path === null) return `none: ${problem}`;
  return fits
    ? `in ${path} (sockets of ${socketPathBytes} bytes, at most 107)`
    : `${path} is too long: sockets of ${socketPathBytes} bytes, at most 107`;
}
