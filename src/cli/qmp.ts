import { QmpClient } from "../qmp/mod.ts";
import { ADDRESS_FORMS, parseAddress } from "./address.ts";
import { type Command, type Invocation, numberOption, UsageError } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import type { Io } from "./io.ts";
import { parseArguments } from "./qmp_line.ts";
import { runQmpShell } from "./qmp_shell.ts";
import { formatJson, printable } from "./text.ts";

/** `qeeper qmp`: one command, a shell, or the events of a monitor. */
export const qmp: Command = {
  usage: ["ADDRESS COMMAND [JSON]", "ADDRESS --hmp LINE", "ADDRESS --events [NAME...]", "ADDRESS"],
  description: [
    "With a COMMAND: runs it with the arguments in JSON and prints what it returns as JSON. With --hmp: a line of the human monitor. With " +
    "--events: prints events, one JSON object a line, until Ctrl-C or QEMU's end.",
    "",
    "With an ADDRESS alone: a shell. Each line of stdin is a command and its JSON arguments, a whole QMP message, or hmp and a line of the human " +
    "monitor; replies and events are printed as they come. The end of stdin ends it.",
    "",
    `ADDRESS is one of ${ADDRESS_FORMS}. A QMP monitor serves one client at a time.`,
  ].join("\n"),
  operands: { min: 1, max: Infinity },
  options: [
    { name: "hmp", value: "LINE", description: "run a line of the human monitor, and print its text" },
    { name: "events", description: "print events; with NAMEs, only these" },
    {
      name: "timeout",
      value: "SECONDS",
      description:
        "how long the connection and a reply may take (default: 5 to connect, no limit for a reply)",
    },
  ],
  examples: [
    ["qeeper qmp /run/vm/qmp.sock query-status", "is it running?"],
    [`qeeper qmp localhost:4444 device_del '{"id": "disk1"}'`, "unplug a disk"],
    [`qeeper qmp /run/vm/qmp.sock --hmp "info registers"`, "the human monitor"],
    ["qeeper qmp /run/vm/qmp.sock --events SHUTDOWN RESET", "watch a guest"],
    [`echo 'query-block' | qeeper qmp unix:/run/vm/qmp.sock`, "the shell in a script"],
  ],
  async run(invocation, io) {
    const { operands: [where = "", command, json, ...surplus], flags, values } = invocation;
    const hmp = values.get("hmp");
    const timeoutS = numberOption(invocation, "timeout");
    const limit = timeoutS === undefined ? {} : { timeoutMs: timeoutS * 1000 };
    checkForm(invocation, surplus);
    const address = parseAddress(where);
    const args = command !== undefined && !flags.has("events") ? parseArguments(json ?? "") : {};
    await using client = await QmpClient.connect(address, limit);
    if (flags.has("events")) return await printEvents(client, invocation.operands.slice(1), io);
    if (hmp !== undefined) {
      const text = await client.execute("human-monitor-command", { "command-line": hmp }, limit);
      await io.stdout.write(printable(text));
      return EXIT.ok;
    }
    if (command === undefined) return await runQmpShell(client, limit, io);
    const reply = await client.execute(command, args, limit);
    await io.stdout.write(`${formatJson(reply, io.stdout.terminal ? 2 : 0)}\n`);
    return EXIT.ok;
  },
};

/** Three forms that exclude each other. */
function checkForm({ operands, flags, values }: Invocation, surplus: readonly string[]): void {
  if (flags.has("events")) {
    if (values.has("hmp")) throw new UsageError("--hmp and --events exclude each other");
    return;
  }
  if (values.has("hmp") && operands.length > 1) {
    throw new UsageError("--hmp and a COMMAND exclude each other");
  }
  if (surplus.length > 0) {
    throw new UsageError(
      `Unexpected argument ${
        JSON.stringify(surplus[0])
      }: the arguments of a command are one JSON object, in quotes`,
    );
  }
}

async function printEvents(client: QmpClient, names: readonly string[], io: Io): Promise<number> {
  using events = client.events();
  using _listening = io.onStopSignal(() => events[Symbol.dispose]());
  let missed = 0;
  for await (const event of events) {
    if (events.lagged > missed) {
      await io.stderr.write(
        `qeeper: ${events.lagged - missed} events were dropped: this reader is too slow\n`,
      );
      missed = events.lagged;
    }
    if (names.length === 0 || names.includes(event.event)) await io.stdout.write(`${formatJson(event)}\n`);
  }
  return EXIT.ok;
}
