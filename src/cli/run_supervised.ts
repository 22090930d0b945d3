import { type Report, type SupervisedVm, Supervisor } from "../supervisor/mod.ts";
import type { Verdict } from "../vm/mod.ts";
import { EXIT, exitCodeAtLast } from "./exit_codes.ts";
import { introduce, type RunJob } from "./run_job.ts";
import { StopRequests } from "./stop_requests.ts";

/** Why the supervisor does nothing more. */
type GivenUp = "stopped" | "preserved" | "restart-limit" | "unverifiable";

/**
 * Runs a guest under a supervisor, life after life, until its policy or a person has had enough.
 *
 * @param job What to run, and how.
 * @param policy When it is started again, and how often.
 * @returns The exit code, by the last end.
 */
export async function runSupervised(
  job: RunJob,
  policy: Pick<SupervisedVm, "restart" | "limit">,
): Promise<number> {
  const { io, reporter, bridge, config } = job;
  const name = config.name ?? "vm";
  await using supervisor = await Supervisor.open({ signals: "ignore", logger: reporter.logger });
  using reports = supervisor.reports();
  using stops = new StopRequests(io, job.timeoutMs, {
    stop(how) {
      reporter.notice(`${how}: the guest is being stopped; once more kills it`);
      job.settle(supervisor.stop(name));
    },
    kill() {
      const vm = supervisor.get(name)?.vm;
      if (vm) job.settle(vm.kill());
    },
    timeout() {
      reporter.notice(`${(job.timeoutMs ?? 0) / 1000} s are over: the guest is being ended`);
      const vm = supervisor.get(name)?.vm;
      // First, so that the power button is left out; then the word that it is not to start again.
      if (vm) job.settle(vm.shutdown({ powerdownMs: 0 }));
      job.settle(supervisor.stop(name));
    },
  });
  job.onEndAsked(() => stops.ask("Ctrl-A x"));

  const added = supervisor.add({ ...policy, config, stop: { powerdownMs: job.powerdownMs } }).then(
    () => null,
    (error: unknown) => {
      reports[Symbol.dispose]();
      return { error };
    },
  );
  const { givenUp, verdict } = await follow(supervisor, reports, name, job);
  const refused = await added;
  if (refused) throw refused.error;
  await supervisor.close({ vms: "stop" });
  await bridge.drain(stops.impatient);
  if (stops.reason === "timeout") return EXIT.timeout;
  if (givenUp === "restart-limit") return EXIT.restartLimit;
  return exitCodeAtLast(verdict);
}

/** Reports everything and shows each life's console, until nothing more happens by itself. */
async function follow(
  supervisor: Supervisor,
  reports: AsyncIterable<Report>,
  name: string,
  job: RunJob,
): Promise<{ givenUp: GivenUp | null; verdict: Verdict | null }> {
  const { reporter, bridge } = job;
  let verdict: Verdict | null = null;
  for await (const report of reports) {
    reporter.report(report);
    if (report.kind === "started") {
      const vm = supervisor.get(name)?.vm ?? null;
      if (vm?.console && job.console) bridge.attach(vm.console, "start");
      // A short life may be over before it has said where it is.
      if (vm) {
        void introduce(vm, job).catch((error) => reporter.logger.debug("QEMU did not answer", { error }));
      }
    }
    if (report.kind === "ended" || report.kind === "guest-ended") verdict = report.verdict;
    const givenUp = givenUpIn(report);
    if (givenUp === "preserved") {
      if (job.hold) reporter.notice("QEMU holds the guest as it is (--hold); ask for its end to end it");
      else job.settle(supervisor.stop(name));
    } else if (givenUp !== null) return { givenUp, verdict };
  }
  return { givenUp: null, verdict };
}

function givenUpIn(report: Report): GivenUp | null {
  if (!("actions" in report)) return null;
  return report.actions.find((action) => action.kind === "give-up")?.why ?? null;
}
