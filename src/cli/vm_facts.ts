import { parseUsernet, type UsernetForward } from "../machine/mod.ts";
import { type QmpClient, QmpCommandError } from "../qmp/mod.ts";
import { type BlockFact, type NetworkFact, readBlock, readNetwork } from "./vm_fact_readers.ts";

/** What a running QEMU says of itself. What it could not say is null or empty, and `notes` says why. */
export interface VmFacts {
  name: string | null;
  uuid: string | null;
  version: string;
  package: string;
  target: string | null;
  machine: string | null;
  status: string | null;
  accelerator: string | null;
  cpus: number | null;
  memoryBytes: number | bigint | null;
  balloonBytes: number | bigint | null;
  vnc: string | null;
  block: readonly BlockFact[];
  chardevs: readonly { label: string; filename: string }[];
  networks: readonly NetworkFact[];
  forwards: readonly UsernetForward[];
  notes: readonly string[];
}

/**
 * Asks a QEMU what it is and has. Only `query-` commands and their like: nothing changes.
 *
 * @param client A negotiated monitor.
 * @param timeoutMs How long each answer may take.
 * @returns The facts.
 */
export async function askFacts(client: QmpClient, timeoutMs: number): Promise<VmFacts> {
  const notes: string[] = [];
  /** Asks one thing; a QEMU that lacks the command, or has nothing to say, leaves a note. */
  const ask = async <T>(command: string, args: object, read: (reply: never) => T): Promise<T | null> => {
    try {
      return read(await client.execute(command, args, { timeoutMs }) as never);
    } catch (error) {
      if (!(error instanceof QmpCommandError)) throw error;
      notes.push(
        error.class === "CommandNotFound" ? `this QEMU has no ${command}` : `${command}: ${error.desc}`,
      );
      return null;
    }
  };
  const hmp = <T>(line: string, read: (text: string) => T) =>
    ask("human-monitor-command", { "command-line": line }, read);
  const { version } = client.greeting;
  const { major, minor, micro } = version.qemu;
  const [
    name,
    uuid,
    target,
    machine,
    status,
    accelerator,
    cpus,
    memory,
    balloon,
    vnc,
    block,
    chardevs,
    networks,
    forwards,
  ] = await Promise.all([
    ask("query-name", {}, (reply: { name?: string }) => reply.name ?? null),
    ask("query-uuid", {}, (reply: { UUID: string }) => reply.UUID),
    ask("query-target", {}, (reply: { arch: string }) => reply.arch),
    ask("qom-get", { path: "/machine", property: "type" }, (type: string) => type.replace(/-machine$/, "")),
    ask("query-status", {}, (reply: { status: string }) => reply.status),
    askAccelerator(client, timeoutMs),
    ask("query-cpus-fast", {}, (reply: unknown[]) => reply.length),
    ask("query-memory-size-summary", {}, (reply: { "base-memory": number | bigint }) => reply["base-memory"]),
    ask("query-balloon", {}, (reply: { actual: number | bigint }) => reply.actual),
    ask(
      "query-vnc",
      {},
      (reply: { enabled: boolean; host?: string; service?: string }) =>
        reply.enabled ? `${reply.host ? `${reply.host}:` : ""}${reply.service ?? ""}` : null,
    ),
    ask("query-block", {}, readBlock),
    ask(
      "query-chardev",
      {},
      (reply: { label: string; filename: string }[]) =>
        reply.map(({ label, filename }) => ({ label, filename })),
    ),
    hmp("info network", readNetwork),
    hmp("info usernet", parseUsernet),
  ]);
  return {
    name,
    uuid,
    version: `${major}.${minor}.${micro}`,
    package: version.package,
    target,
    machine,
    status,
    accelerator,
    cpus,
    memoryBytes: memory,
    balloonBytes: balloon,
    vnc,
    block: block ?? [],
    chardevs: chardevs ?? [],
    networks: networks ?? [],
    forwards: forwards ?? [],
    notes,
  };
}

/** Newer QEMUs say it; of older ones it is known by what works. */
async function askAccelerator(client: QmpClient, timeoutMs: number): Promise<string | null> {
  const tries: readonly [command: string, read: (reply: never) => string | null][] = [
    ["query-accelerators", (reply: { enabled?: string }) => reply.enabled ?? null],
    ["query-kvm", (reply: { enabled: boolean }) => reply.enabled ? "kvm" : null],
    // It refuses under every other accelerator.
    ["x-query-jit", () => "tcg"],
  ];
  for (const [command, read] of tries) {
    try {
      const found = read(await client.execute(command, {}, { timeoutMs }) as never);
      if (found !== null) return found;
    } catch (error) {
      if (!(error instanceof QmpCommandError)) throw error;
    }
  }
  return null;
}
