import { abortable } from "@std/async/abortable";
import { launch, LaunchError, type Verdict, type Vm } from "../vm/mod.ts";
import { REPORTED_EVENTS } from "../supervisor/mod.ts";
import { EXIT, exitCodeOf } from "./exit_codes.ts";
import { introduce, type RunJob } from "./run_job.ts";
import { StopRequests } from "./stop_requests.ts";

/**
 * Runs a guest once: one QEMU, from its start to its end.
 *
 * @param job What to run, and how.
 * @returns The exit code.
 */
export async function runOnce(job: RunJob): Promise<number> {
  const { io, reporter, bridge, config } = job;
  const launching = new AbortController();
  let vm: Vm | null = null;
  using stops = new StopRequests(io, job.timeoutMs, {
    stop(how) {
      reporter.notice(`${how}: the guest is being stopped; once more kills it`);
      if (vm) job.settle(vm.shutdown());
      else launching.abort();
    },
    kill() {
      if (vm) job.settle(vm.kill());
    },
    timeout() {
      reporter.notice(`${(job.timeoutMs ?? 0) / 1000} s are over: the guest is being ended`);
      if (vm) job.settle(vm.shutdown({ powerdownMs: 0 }));
      else launching.abort();
    },
  });
  job.onEndAsked(() => stops.ask("Ctrl-A x"));

  try {
    vm = await launch(config, {
      paused: true,
      signals: "ignore",
      signal: launching.signal,
      stop: { powerdownMs: job.powerdownMs },
      logger: reporter.logger,
    });
  } catch (error) {
    if (stops.reason !== "nobody") return stops.reason === "timeout" ? EXIT.timeout : EXIT.ok;
    if (!(error instanceof LaunchError)) throw error;
    reporter.error(error.message);
    return EXIT.launchFailed;
  }
  await using owned = vm;
  const verdict = await untilItsEnd(owned, job, stops);
  await bridge.drain(stops.impatient);
  reporter.report({ at: verdict.at, vm: vm.name, kind: "ended", verdict, actions: [] });
  return stops.reason === "timeout" ? EXIT.timeout : exitCodeOf(verdict);
}

async function untilItsEnd(vm: Vm, job: RunJob, stops: StopRequests): Promise<Verdict> {
  const { reporter, bridge, config } = job;
  // Opened now, before the guest's first instruction.
  const watching = Promise.all([reportEvents(vm, job), reportEnds(vm, job)]);
  reporter.report({
    at: new Date(),
    vm: vm.name,
    kind: "started",
    pid: vm.pid,
    argv: vm.argv ?? [],
    actions: [],
  });
  // QEMU may end meanwhile; its end then says why.
  const forgive = (error: unknown) => reporter.logger.debug("QEMU did not answer", { error });
  await introduce(vm, job).catch(forgive);
  if (job.console) {
    if (vm.console) bridge.attach(vm.console, "now");
    else reporter.notice("This guest has no console");
  }
  if (stops.reason !== "nobody") {
    // Asked for while QEMU was starting, too late for the start to notice.
    job.settle(vm.shutdown({ powerdownMs: 0 }));
  } else if (job.paused) {
    reporter.notice("The guest is paused before its first instruction; `cont` on a monitor starts it");
  } else if (config.incoming === undefined) {
    // What was said so far is to stand before the guest's first byte, not in the middle of its first line.
    await abortable(reporter.flush(), stops.impatient).catch(forgive);
    await vm.resume().catch(forgive);
  }
  const verdict = await vm.stopped;
  await watching;
  return verdict;
}

async function reportEvents(vm: Vm, { reporter }: RunJob): Promise<void> {
  for await (const event of vm.events()) {
    if (REPORTED_EVENTS.includes(event.event)) {
      reporter.report({ at: new Date(), vm: vm.name, kind: "event", event });
    }
  }
}

async function reportEnds(vm: Vm, job: RunJob): Promise<void> {
  for await (const verdict of vm.ends()) {
    job.reporter.report({ at: verdict.at, vm: vm.name, kind: "guest-ended", verdict, actions: [] });
    if (verdict.process !== "held") continue;
    if (job.hold) job.reporter.notice("QEMU holds the guest as it is (--hold); ask for its end to end it");
    else job.settle(vm.shutdown({ powerdownMs: 0 }));
  }
}
