import { type ExecuteOptions, type MonitorAddress, QmpClient } from "../qmp/mod.ts";
import { ADDRESS_FORMS, parseAddress } from "./address.ts";
import { type Command, type Invocation, numberOption, UsageError } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import type { Io } from "./io.ts";
import type { Once } from "./shell/once.ts";
import type { Transcript } from "./shell/transcript.ts";
import { formatJson, printable } from "./text.ts";

/** `qeeper qmp`: one command, a shell, or the events of a monitor. */
export const qmp: Command = {
  usage: [
    "ADDRESS COMMAND [KEY=VALUE... | JSON]",
    "ADDRESS --hmp LINE",
    "ADDRESS --events [NAME...]",
    "ADDRESS",
    "ADDRESS --pipe",
  ],
  description: [
    "With a COMMAND: runs it and prints what it returns as JSON. Its arguments are key=value words, with dots in the key for what is inside " +
    "(file.driver=qcow2), or one JSON object; a whole QMP message in the place of the COMMAND will do as well. With --hmp: a line of the " +
    "human monitor. With --events: prints events, one JSON object a line, until Ctrl-C or QEMU's end.",
    "",
    "With an ADDRESS alone: a shell. On a terminal it has a history, TAB completes commands, arguments and values as the running QEMU has " +
    "them, help explains them, and events are printed as they come. The history is kept in $XDG_STATE_HOME/qeeper (else " +
    "~/.local/state/qeeper), without lines that hold passwords or begin with a blank. NO_COLOR turns the colours off.",
    "",
    "With --pipe, for scripts: each line of stdin is a command as in the shell, and gets one line on stdout, in order: " +
    `{"return": ...} or {"error": {"class": ..., "desc": ...}}, with the "id" of the message if it had one. hmp and help lines return their ` +
    `text. Events are lines of their own, {"event": ...}; those that a command causes mostly come before its reply. Empty lines, and those that ` +
    "begin with #, get none. A failed command does not stop the script. Without --pipe a stdin that is no terminal does the same, but hmp and " +
    "help print their text as it is, and a stdout that is a terminal gets replies for people.",
    "",
    `ADDRESS is one of ${ADDRESS_FORMS}. A QMP monitor serves one client at a time.`,
  ].join("\n"),
  operands: { min: 1, max: Infinity },
  options: [
    { name: "hmp", value: "LINE", description: "run a line of the human monitor, and print its text" },
    { name: "events", description: "print events; with NAMEs, only these" },
    { name: "pipe", description: "a shell for scripts: no prompt, one JSON object a line" },
    {
      name: "transcript",
      value: "FILE",
      description:
        "append to FILE (made with mode 0600) what is sent (>) and received (<), with its time; secrets are left out",
    },
    {
      name: "timeout",
      value: "SECONDS",
      description:
        "how long the connection and a reply may take (default: 5 to connect, no limit for a reply)",
    },
  ],
  examples: [
    ["qeeper qmp /run/vm/qmp.sock", "a shell; TAB completes"],
    ["qeeper qmp /run/vm/qmp.sock query-status", "is it running?"],
    ["qeeper qmp localhost:4444 device_del id=disk1", "unplug a disk"],
    [`qeeper qmp localhost:4444 device_del '{"id": "disk1"}'`, "the same in JSON"],
    [`qeeper qmp /run/vm/qmp.sock --hmp "info registers"`, "the human monitor"],
    ["qeeper qmp /run/vm/qmp.sock --events SHUTDOWN RESET", "watch a guest"],
    [`printf 'stop\\nquery-status\\n' | qeeper qmp unix:/run/vm/qmp.sock --pipe`, "the shell in a script"],
    ["qeeper qmp /run/vm/qmp.sock --transcript vm.log", "a shell, and a record of all that was said"],
  ],
  tables: [{
    title: "Exit codes",
    rows: [
      ["0", "all commands succeeded; the shell of a terminal also when some did not"],
      ["1", "a command failed, a line could not be understood, or the monitor can't be reached or broke off"],
      ["2", "the command line is wrong; nothing was sent"],
    ],
  }],
  async run(invocation, io) {
    const form = await readForm(invocation);
    const { values, operands: [where = ""] } = invocation;
    const timeoutS = numberOption(invocation, "timeout");
    const limit = timeoutS === undefined ? {} : { timeoutMs: timeoutS * 1000 };
    const address = parseAddress(where);
    await using transcript = await transcriptOf(values.get("transcript"), io);
    return await runForm(form, { address, limit, transcript }, io);
  },
};

/** Forms that exclude each other. */
type Form =
  | { readonly kind: "command"; readonly once: Once }
  | { readonly kind: "hmp"; readonly line: string }
  | { readonly kind: "events"; readonly names: readonly string[] }
  | { readonly kind: "shell"; readonly mode: "pipe" | "streams" };

interface Connection {
  readonly address: MonitorAddress;
  readonly limit: ExecuteOptions;
  readonly transcript: Transcript;
}

async function readForm({ operands: [, ...operands], flags, values }: Invocation): Promise<Form> {
  const [command, ...rest] = operands;
  const named = [
    ...flags.has("events") ? ["--events"] : [],
    ...values.has("hmp") ? ["--hmp"] : [],
    ...flags.has("pipe") ? ["--pipe"] : [],
    ...command !== undefined && !flags.has("events") ? ["a COMMAND"] : [],
  ];
  if (named.length > 1) throw new UsageError(`${named[0]} and ${named[1]} exclude each other`);
  const hmp = values.get("hmp");
  if (hmp !== undefined) return { kind: "hmp", line: hmp };
  if (flags.has("events")) return { kind: "events", names: operands };
  if (command === undefined) return { kind: "shell", mode: flags.has("pipe") ? "pipe" : "streams" };
  const { readOnce } = await import("./shell/once.ts");
  return { kind: "command", once: readOnce(command, rest) };
}

/** Each form loads what it needs. */
async function runForm(form: Form, connection: Connection, io: Io): Promise<number> {
  const { address, limit, transcript } = connection;
  if (form.kind === "shell") {
    const { runShell } = await import("./shell/shell.ts");
    return await runShell(address, { limit, transcript, mode: form.mode }, io);
  }
  await using client = await QmpClient.connect(address, limit);
  if (form.kind === "events") return await printEvents(client, form.names, transcript, io);
  const { runOnce } = await import("./shell/once.ts");
  if (form.kind === "hmp") {
    const args = { kind: "json", value: { "command-line": form.line } } as const;
    const once = { command: "human-monitor-command", args, oob: false };
    await io.stdout.write(printable(String(await runOnce(client, once, limit, transcript))));
    return EXIT.ok;
  }
  const reply = await runOnce(client, form.once, limit, transcript);
  await io.stdout.write(`${formatJson(reply, io.stdout.terminal ? 2 : 0)}\n`);
  return EXIT.ok;
}

async function transcriptOf(path: string | undefined, io: Io): Promise<Transcript> {
  const { NO_TRANSCRIPT, openTranscript } = await import("./shell/transcript.ts");
  if (path === undefined) return NO_TRANSCRIPT;
  try {
    return await openTranscript(path, ({ message }) => {
      void io.stderr.write(`qeeper: The transcript ends here, as ${path} can't be written to: ${message}\n`)
        .catch(
          () => {},
        );
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--transcript: cannot open ${JSON.stringify(path)}: ${why}`, { cause: error });
  }
}

async function printEvents(
  client: QmpClient,
  names: readonly string[],
  transcript: Transcript,
  io: Io,
): Promise<number> {
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
    if (names.length > 0 && !names.includes(event.event)) continue;
    transcript.received(event);
    await io.stdout.write(`${formatJson(event)}\n`);
  }
  return EXIT.ok;
}
