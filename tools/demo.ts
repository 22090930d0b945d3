// deno-lint-ignore-file no-console -- a program for people: what it prints is its purpose
/**
 * `deno task demo`: Qeeper's main job on a guest of a few hundred bytes. Its first life panics, and is reported and started again;
 * its second life powers itself off, which is a success, and it is left stopped.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type PolicyAction,
  type Report,
  type SupervisedVm,
  Supervisor,
  type Verdict,
  type Vm,
} from "../mod.ts";
import { demoDisk } from "../src/testing/mod.ts";

const HELP = `Usage: deno task demo [--watch]

Boots a guest that counts its lives on its own disk: odd ones panic, even ones power off. The supervisor reports each
end and starts the guest again after a failure.

  --watch   start it again after a power-off too, until Ctrl-C`;

const args = parseArgs(Deno.args, {
  boolean: ["watch", "help"],
  unknown: (arg) => {
    console.error(`Unknown argument ${arg}\n\n${HELP}`);
    Deno.exit(2);
  },
});
if (args.help) {
  console.log(HELP);
  Deno.exit(0);
}

/** What ends it. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const startedMs = performance.now();
function say(text: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(3);
  console.log(`${seconds.padStart(9)} s  ${text}`);
}

/** One line for each report: what happened, and what is done about it. */
function describe(report: Report): string {
  switch (report.kind) {
    case "asked":
      return `asked to ${report.ask}${then(report.actions)}`;
    case "started":
      return `up: QEMU is ready, process ${report.pid}`;
    case "event": {
      const data = report.event.data === undefined ? "" : ` ${JSON.stringify(report.event.data)}`;
      return `event ${report.event.event}${data}`;
    }
    case "guest-ended":
    case "ended":
      return `${report.kind}: ${report.verdict.cause}, ${report.verdict.detail}${then(report.actions)}`;
    case "wait-over":
      return `the wait is over${then(report.actions)}`;
    case "action-failed":
      return `could not ${report.action.kind}: ${report.error.message}`;
    default:
      return report.kind;
  }
}

function then(actions: readonly PolicyAction[]): string {
  const words = actions.map((action) => {
    switch (action.kind) {
      case "wait":
        return `wait ${action.delayMs} ms`;
      case "give-up":
        return `leave it ${action.why}`;
      default:
        return action.kind;
    }
  });
  return words.length === 0 ? "" : ` -> ${words.join(", ")}`;
}

/** Says what a life says on its serial port. */
async function listen(vm: Vm): Promise<void> {
  const hello = await vm.console?.expect(/Hello from life \d+/);
  if (hello) say(`the guest says: ${hello.text}`);
}

const folder = await Deno.makeTempDir({ prefix: "qeeper-demo-" });
const verdicts: Verdict[] = [];
let interrupted = false;
try {
  await Deno.writeFile(`${folder}/demo.img`, demoDisk());
  const spec: SupervisedVm = {
    config: {
      name: "demo",
      accel: "tcg",
      memoryMiB: 16,
      drives: [{ file: `${folder}/demo.img`, format: "raw", interface: "ide" }],
    },
    restart: args.watch ? "always" : "on-failure",
    ...(args.watch
      ? { backoff: { initialMs: 1000, factor: 1 }, limit: { restarts: Infinity, withinMs: 0 } }
      : {}),
  };
  await using supervisor = await Supervisor.open({ signals: "ignore" });
  using reports = supervisor.reports();
  const interrupt = () => {
    interrupted = true;
    supervisor.stop("demo").catch((error) => say(String(error)));
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupt);
  const added = supervisor.add(spec);
  const listeners: Promise<void>[] = [];
  for await (const report of reports) {
    if (report.kind === "started" && verdicts.length === 0) console.log(`\n${report.argv.join(" ")}\n`);
    say(describe(report));
    const vm = supervisor.get("demo")?.vm;
    if (report.kind === "started" && vm) listeners.push(listen(vm));
    if (report.kind === "ended") verdicts.push(report.verdict);
    // After its end; or at once, where a stop was asked for while nothing ran.
    if ("actions" in report && report.actions.some((action) => action.kind === "give-up")) break;
  }
  for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupt);
  await added;
  await Promise.allSettled(listeners);
} finally {
  await Deno.remove(folder, { recursive: true });
}

console.log("\nVerdicts:");
for (const [index, { cause, reason, exit, detail }] of verdicts.entries()) {
  console.log(
    `  life ${index + 1}: ${cause} (QEMU's reason: ${reason ?? "none"}, exit code ${exit?.code}): ${detail}`,
  );
}
const [first, second] = verdicts;
if (!interrupted && !(first?.cause === "guest-panic" && second?.cause === "guest-shutdown")) {
  console.error("\nThe guest did not end as it should have: a panic first, a power-off second");
  Deno.exit(1);
}
