import { QmpClient } from "../qmp/mod.ts";
import { ADDRESS_FORMS, parseAddress } from "./address.ts";
import { type Command, numberOption } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { formatBytes } from "./bytes.ts";
import { formatTable } from "./table.ts";
import { formatJson } from "./text.ts";
import { askFacts, type VmFacts } from "./vm_facts.ts";

/** How long connecting and each answer may take, in seconds. */
const TIMEOUT_S = 5;

/** `qeeper info`: what a running QEMU is and has. */
export const info: Command = {
  usage: ["ADDRESS [OPTIONS]"],
  description: [
    "Asks a running QEMU over its QMP monitor what it is and has: name, version, state, accelerator, processors, memory, block and " +
    "character devices, networks. It changes nothing. What this QEMU can't say is left out, and a note says so.",
    "",
    `ADDRESS is one of ${ADDRESS_FORMS}. A QMP monitor serves one client at a time.`,
  ].join("\n"),
  operands: { min: 1, max: 1 },
  options: [
    { name: "json", description: "everything as one JSON object" },
    {
      name: "timeout",
      value: "SECONDS",
      description: `how long connecting and each answer may take (default ${TIMEOUT_S})`,
    },
  ],
  examples: [
    ["qeeper info /run/vm/qmp.sock", "what is this QEMU?"],
    ["qeeper info localhost:4444 --json | jq .status", "one fact for a script"],
  ],
  async run(invocation, io) {
    const timeoutMs = (numberOption(invocation, "timeout") ?? TIMEOUT_S) * 1000;
    await using client = await QmpClient.connect(parseAddress(invocation.operands[0] ?? ""), { timeoutMs });
    const facts = await askFacts(client, timeoutMs);
    await io.stdout.write(invocation.flags.has("json") ? `${formatJson(facts, 2)}\n` : describeFacts(facts));
    return EXIT.ok;
  },
};

/**
 * The facts as tables.
 *
 * @param facts What QEMU said.
 * @returns Text.
 */
export function describeFacts(facts: VmFacts): string {
  const { block, chardevs, networks, forwards, notes } = facts;
  return [
    formatTable([
      ["name", facts.name ?? "(none)"],
      ["uuid", facts.uuid ?? ""],
      ["version", facts.package === "" ? facts.version : `${facts.version} (${facts.package})`],
      ["target", facts.target ?? ""],
      ["machine", facts.machine ?? ""],
      ["status", facts.status ?? ""],
      ["accelerator", facts.accelerator ?? ""],
      ["cpus", facts.cpus?.toString() ?? ""],
      ["memory", facts.memoryBytes === null ? "" : formatBytes(facts.memoryBytes)],
      ["balloon", facts.balloonBytes === null ? "" : formatBytes(facts.balloonBytes)],
      ["vnc", facts.vnc ?? ""],
    ].filter(([, value]) => value !== "")),
    section(
      "Block devices",
      block.map(({ device, file, format, sizeBytes, readonly, ioStatus }) => [
        device,
        format ?? "",
        sizeBytes === null ? "" : formatBytes(sizeBytes),
        readonly ? "read-only" : "",
        ioStatus ?? "",
        file ?? "(empty)",
      ]),
    ),
    section("Character devices", chardevs.map(({ label, filename }) => [label, filename])),
    section(
      "Networks",
      networks.map(({ name, type, peer, details }) => [peer === null ? name : `  ${name}`, type, details]),
    ),
    section(
      "Port forwards",
      forwards.map((forward) => [
        forward.protocol,
        `${forward.hostAddress}:${forward.hostPort}`,
        `${forward.guestAddress}:${forward.guestPort}`,
      ]),
    ),
    section("Notes", notes.map((note) => [note])),
  ].filter((part) => part !== "").join("\n");
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : `${title}:\n${formatTable(rows, "  ")}`;
}
