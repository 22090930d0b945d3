import { GroupError } from "../supervisor/mod.ts";
import { type Command, type Invocation, UsageError } from "./command.ts";
import { GROUP_EXIT_CODES } from "./exit_codes.ts";
import { failAsReported } from "./fail_as_reported.ts";
import { readGroupFile } from "./group_file.ts";
import type { Io } from "./io.ts";
import { Reporter } from "./reporter.ts";
import { runGroup } from "./run_group.ts";

/** `qeeper up`: a group of guests in the foreground. */
export const up: Command = {
  usage: ["GROUP [OPTIONS]"],
  description: [
    "Starts the guests that GROUP (JSON with comments) describes, each when those in its dependsOn are ready, and supervises them until none " +
    "runs any more. Reports go to stderr. Relative file names in GROUP start at its own folder.",
    "",
    "A guest's helpers (swtpm, virtiofsd, passt) are started before it and stopped after it; when one ends, the guest is restarted around it. " +
    "{run} in their arguments and sockets, and in the guest's, is a private directory of this run.",
    "",
    "When a guest is restarted, so is it alone (strategy one-for-one), all of them (one-for-all), or it and all that depends on it " +
    "(rest-for-one).",
    "",
    "Ctrl-C, SIGTERM and SIGHUP stop the guests in order, those first that depend on others. Asked a second time, all are killed at once.",
    "",
    "With --state the guests outlive this command if it is killed, and the next one with the same directory takes over what still runs, and " +
    "goes on. With --leave as well, a signal ends this command only.",
  ].join("\n"),
  operands: { min: 1, max: 1 },
  options: [
    {
      name: "state",
      value: "DIR",
      description: "remember there what is run, with a journal, and take over what still runs",
    },
    { name: "leave", description: "with --state: on a signal, end and leave the guests running" },
    { name: "json", description: "report in lines of JSON" },
  ],
  examples: [
    ["qeeper up shop.jsonc", "run a group until Ctrl-C"],
    ["qeeper up shop.jsonc --state /var/lib/shop", "for months: a killed supervisor is no end of a guest"],
    ["qeeper up shop.jsonc --json 2>reports.jsonl", "keep its reports"],
  ],
  tables: [{ title: "Exit codes", rows: GROUP_EXIT_CODES }],
  run: (invocation, io) => failAsReported(invocation, io, () => runCommand(invocation, io)),
};

async function runCommand({ operands, flags, values }: Invocation, io: Io): Promise<number> {
  const stateDir = values.get("state") ?? null;
  if (flags.has("leave") && stateDir === null) {
    throw new UsageError("--leave needs --state: nobody would find the guests again");
  }
  const { config, folder, explain } = await readGroupFile(operands[0] ?? "");
  const reporter = new Reporter({
    io,
    vm: config.name ?? "group",
    format: flags.has("json") ? "json" : "text",
    paused: false,
    breakLine: () => "",
    debug: flags.has("debug"),
  });
  const settle = (begun: Promise<unknown>) =>
    void begun.catch((error) => reporter.notice(`Something failed on the way: ${error}`));
  try {
    const atSignal = flags.has("leave") ? "leave" : "stop";
    return await runGroup({ config, folder, stateDir, atSignal, io, reporter, settle });
  } catch (error) {
    throw error instanceof GroupError ? explain(error) : error;
  } finally {
    await reporter.flush();
  }
}
