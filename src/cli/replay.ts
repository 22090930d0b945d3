import type { Policy, PolicyAction } from "../supervisor/mod.ts";
import { GuestReplay, type ReplayStep } from "../supervisor/replay.ts";
import { readJournal, reportFromJson, StateError } from "../supervisor/store/mod.ts";
import { type Command, UsageError } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import type { Io } from "./io.ts";
import { readPolicyFile } from "./policy_file.ts";
import { describeReplay, type Replayed } from "./replay_text.ts";
import { formatJson, oneLine } from "./text.ts";

/** `qeeper replay`: what another policy would have done. */
export const replay: Command = {
  usage: ["JOURNAL --policy FILE [OPTIONS]"],
  description: [
    "Runs what a supervisor's journal says happened through another policy, and prints what that one would have done, beside what was " +
    "done. Nothing is started or stopped.",
    "",
    "JOURNAL is a supervisor's state directory, or the journal.jsonl in it; it may be in use. FILE is JSON with comments and holds what a " +
    "supervised guest's spec has beside its config: restart, backoff, limit, onCause, onStuck, onUnreachable.",
    "",
    "Each life of a guest is taken to begin and end when it did, and what the policy does to succeed, at once and without jitter. Once it " +
    "would have left a guest stopped, preserved or failed, what happened to it later would not have happened, until somebody asked for it.",
  ].join("\n"),
  operands: { min: 1, max: 1 },
  options: [
    { name: "policy", value: "FILE", description: "the other policy" },
    { name: "vm", value: "NAME", description: "only this guest" },
    { name: "json", description: "everything as one JSON object" },
  ],
  examples: [
    [
      "qeeper replay /var/lib/vms --policy patient.jsonc",
      "would a longer backoff have kept the guests from failing?",
    ],
    ["qeeper replay journal.jsonl --policy p.jsonc --vm web --json | jq .guests", "the sums for one guest"],
  ],
  async run({ operands, values, flags }, io) {
    const file = values.get("policy");
    if (file === undefined) throw new UsageError("replay needs a policy: --policy FILE");
    const policy = await readPolicyFile(file);
    const replayed = await replayJournal(operands[0] ?? "", policy, values.get("vm"), io);
    await io.stdout.write(
      flags.has("json") ? `${formatJson(replayed, 2)}\n` : describeReplay(replayed),
    );
    return EXIT.ok;
  },
};

async function replayJournal(
  path: string,
  policy: Policy,
  only: string | undefined,
  io: Io,
): Promise<Replayed> {
  const broken: Error[] = [];
  const guests = new Map<string, GuestReplay>();
  let missing = 0;
  for await (const line of readJournal(path, { onBroken: (error) => void broken.push(error) })) {
    if ("gap" in line) {
      missing += line.gap.lost;
      for (const guest of guests.values()) guest.missed();
      continue;
    }
    if (only !== undefined && line.vm !== only) continue;
    const guest = guests.get(line.vm) ?? new GuestReplay(policy);
    guests.set(line.vm, guest);
    try {
      guest.take(reportFromJson(line.report));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      broken.push(error);
    }
  }
  for (const error of broken) await io.stderr.write(`qeeper: ${oneLine(error.message)}; it is passed over\n`);
  if (only !== undefined && guests.size === 0) {
    throw new StateError(
      `Cannot replay VM ${JSON.stringify(only)}: the journal ${path} has nothing about it`,
      path,
    );
  }
  return {
    policy,
    missing,
    steps: [...guests.values()].flatMap(({ steps }) => steps.map((step) => ({ ...step, same: isSame(step) })))
      .sort((a, b) => a.at.getTime() - b.at.getTime()),
    guests: [...guests].map(([vm, guest]) => sumOf(vm, guest)),
  };
}

/** How much of a wait may be chance, as a part of it: what was done had jitter, what would be done has none. */
const CHANCE = 0.25;

function isSame({ did, would }: Pick<ReplayStep, "did" | "would">): boolean {
  if (would === null || did.length !== would.length) return false;
  return did.every((action, index) => {
    const other = would[index];
    if (action.kind === "wait" && other?.kind === "wait") {
      return Math.abs(action.delayMs - other.delayMs) <= CHANCE * other.delayMs;
    }
    return JSON.stringify(action) === JSON.stringify(other);
  });
}

function sumOf(vm: string, { steps, phase }: GuestReplay): Replayed["guests"][number] {
  const ends = steps.filter(({ happened }) => !happened.kind.endsWith("-asked"));
  return {
    vm,
    incidents: ends.length,
    restartsDone: livesIn(ends.flatMap(({ did }) => did)),
    restartsWould: livesIn(ends.flatMap(({ would }) => would ?? [])),
    avoided: ends.filter(({ would }) => would === null).length,
    phase,
    since: steps.at(-1)?.since ?? null,
  };
}

function livesIn(actions: readonly PolicyAction[]): number {
  return actions.filter(({ kind }) => kind === "start" || kind === "reset" || kind === "resume").length;
}
