import { ConfigError } from "../machine/mod.ts";
import { RESTARTED, type RestartLimit, type RestartWhen } from "../supervisor/mod.ts";
import { checkFiles } from "../vm/preflight.ts";
import { type Command, type Invocation, numberOption, UsageError } from "./command.ts";
import { readConfigFile } from "./config_file.ts";
import { ConsoleBridge } from "./console_bridge.ts";
import { EXIT_CODES } from "./exit_codes.ts";
import { failAsReported } from "./fail_as_reported.ts";
import type { Io } from "./io.ts";
import { Reporter } from "./reporter.ts";
import type { RunJob } from "./run_job.ts";
import { runOnce } from "./run_once.ts";
import { runSupervised } from "./run_supervised.ts";

/** How long a guest may take to obey its power button, in seconds, unless --powerdown says otherwise. */
const POWERDOWN_S = 10;

/** `qeeper run`: a guest in the foreground. */
export const run: Command = {
  usage: ["CONFIG [OPTIONS] [-- QEMU-ARGUMENTS]"],
  description: [
    "Boots the guest that CONFIG (JSON with comments) describes and stays until its end. Its serial console is on stdin and stdout, " +
    "from its first byte; reports go to stderr. Relative file names in CONFIG start at its own folder.",
    "",
    "On a terminal, Ctrl-A x ends the guest and Ctrl-A Ctrl-A sends it a Ctrl-A; every other key is the guest's. A stdin that is no " +
    "terminal is piped into the console, and its end does not end the guest.",
    "",
    "Ctrl-A x, Ctrl-C (where it is no key of the guest's), SIGTERM and SIGHUP stop the guest in order: power button, quit, SIGTERM, SIGKILL. " +
    "Asked a second time, it is killed at once.",
    "",
    "With --restart it is supervised: started again after the ends that the word stands for.",
  ].join("\n"),
  operands: { min: 1, max: 1 },
  rest: "raw arguments for QEMU, after those of the config's extraArgs",
  options: [
    {
      name: "restart",
      value: "WHEN",
      choices: Object.keys(RESTARTED),
      description: "start the guest again when it has ended",
    },
    {
      name: "limit",
      value: "N/SECONDS",
      description: "give up after N restarts within so many seconds (default 5/60)",
    },
    { name: "paused", description: "don't start the guest's CPUs" },
    { name: "no-console", description: "don't show the console, don't read stdin" },
    {
      name: "hold",
      description:
        "keep a guest that QEMU holds at its end (after a disk error, say) rather than end its QEMU",
    },
    {
      name: "timeout",
      value: "SECONDS",
      description: "end the guest after this time (quit, SIGTERM, SIGKILL)",
    },
    {
      name: "powerdown",
      value: "SECONDS",
      description:
        `how long the guest may take to obey its power button; 0 leaves it out (default ${POWERDOWN_S})`,
    },
    { name: "json", description: "report in lines of JSON" },
  ],
  examples: [
    ["qeeper run vm.jsonc", "boot it, with its console here"],
    ["qeeper run vm.jsonc --restart on-failure --limit 3/60", "keep it running"],
    ["qeeper run test.jsonc --timeout 30 </dev/null >console.txt", "run a test guest in a script"],
    [
      "qeeper run vm.jsonc -- -qmp unix:/tmp/vm.sock,server=on,wait=off",
      "with one more monitor, for qeeper qmp",
    ],
  ],
  tables: [{ title: "Exit codes", rows: EXIT_CODES }],
  async run(invocation, io) {
    return await failAsReported(invocation, io, () => runCommand(invocation, io));
  },
};

async function runCommand(invocation: Invocation, io: Io): Promise<number> {
  const { operands, rest, flags } = invocation;
  const policy = policyOf(invocation);
  const timeoutS = numberOption(invocation, "timeout");
  const powerdownS = numberOption(invocation, "powerdown") ?? POWERDOWN_S;
  const { config, explain } = await readConfigFile(operands[0] ?? "", rest);
  let endAsked = () => {};
  using bridge = new ConsoleBridge(io, {
    notice: (text) => reporter.notice(text),
    endAsked: () => endAsked(),
  });
  const reporter = new Reporter({
    io,
    vm: config.name ?? "vm",
    format: flags.has("json") ? "json" : "text",
    paused: flags.has("paused"),
    breakLine: () => bridge.breakLine(),
    debug: flags.has("debug"),
  });
  const job: RunJob = {
    config,
    io,
    reporter,
    bridge,
    console: !flags.has("no-console"),
    paused: flags.has("paused"),
    hold: flags.has("hold"),
    timeoutMs: timeoutS === undefined ? null : timeoutS * 1000,
    powerdownMs: powerdownS * 1000,
    onEndAsked: (handler) => endAsked = handler,
    settle: (begun) => void begun.catch((error) => reporter.notice(`Something failed on the way: ${error}`)),
  };
  try {
    await checkFiles(config);
    return policy === null ? await runOnce(job) : await runSupervised(job, policy);
  } catch (error) {
    throw error instanceof ConfigError ? explain(error) : error;
  } finally {
    await reporter.flush();
  }
}

function policyOf({ values, flags }: Invocation): { restart: RestartWhen; limit?: RestartLimit } | null {
  const restart = values.get("restart");
  const limit = values.get("limit");
  if (restart === undefined) {
    if (limit !== undefined) throw new UsageError("--limit limits restarts: it needs --restart");
    return null;
  }
  if (flags.has("paused")) throw new UsageError("--paused can't be used with --restart");
  // The table of options has let only these words through.
  const when = restart as RestartWhen;
  return limit === undefined ? { restart: when } : { restart: when, limit: parseLimit(limit) };
}

function parseLimit(text: string): RestartLimit {
  const [, restarts, seconds] = /^(\d{1,9})\/(\d{1,9}(?:\.\d+)?)$/.exec(text) ?? [];
  if (restarts === undefined || seconds === undefined) {
    throw new UsageError(
      `--limit: expected restarts and seconds, as in 5/60, found ${JSON.stringify(text)}`,
    );
  }
  return { restarts: Number(restarts), withinMs: Number(seconds) * 1000 };
}
