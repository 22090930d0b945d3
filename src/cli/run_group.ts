import { type GroupConfig, openGroup, Supervisor, type VmGroup } from "../supervisor/mod.ts";
import { EXIT, exitCodeAtLast } from "./exit_codes.ts";
import type { Io } from "./io.ts";
import type { Reporter } from "./reporter.ts";
import { introduce } from "./run_job.ts";
import { StopRequests } from "./stop_requests.ts";

/** A run of a group: what, and by what it is seen. */
export interface GroupJob {
  readonly config: GroupConfig;
  /** Where relative file names start. */
  readonly folder: string;
  /** Where it is remembered; null for nowhere: then it ends with this process. */
  readonly stateDir: string | null;
  /** What a signal does to the guests. */
  readonly atSignal: "stop" | "leave";
  readonly io: Io;
  readonly reporter: Reporter;
  /** Takes what was begun and is not waited for; its failure is reported. */
  settle(begun: Promise<unknown>): void;
}

/**
 * Runs a group until nothing of it runs any more: its guests have ended, or a person has had enough.
 *
 * @param job What to run.
 * @returns The exit code, by the guests' last ends.
 */
export async function runGroup(job: GroupJob): Promise<number> {
  const { config, folder, io, reporter } = job;
  const { logger } = reporter;
  const memory = job.stateDir === null ? {} : { stateDir: job.stateDir };
  await using supervisor = await Supervisor.open({ signals: "ignore", logger, ...memory });
  await using group = await openGroup(supervisor, config, { folder, logger, ...memory });
  for (const { name } of supervisor.list()) {
    if (Object.hasOwn(config.vms, name)) continue;
    reporter.notice(
      `${name} is remembered in ${job.stateDir} and is not in the group: it is supervised as it was, unreported, and stopped with this command`,
    );
  }
  using reports = group.reports();
  const following = follow(supervisor, reports, job);
  const leaving = new AbortController();
  using _stops = new StopRequests(io, null, {
    stop(how) {
      if (job.atSignal === "leave") {
        reporter.notice(`${how}: the guests go on without this command`);
        return leaving.abort();
      }
      reporter.notice(`${how}: the group is being stopped, the last one first; once more kills it`);
      job.settle(group.stop());
    },
    kill: () => group.kill(),
    timeout() {},
  });
  const isLeft = await untilDownOrLeft(group, leaving.signal) === "left";
  const code = isLeft ? EXIT.ok : exitCodeOf(group);
  await group.close({ vms: isLeft ? "leave" : "stop" });
  await following;
  if (isLeft) await supervisor.close({ vms: "leave" });
  return code;
}

async function untilDownOrLeft(group: VmGroup, signal: AbortSignal): Promise<"down" | "left"> {
  try {
    await group.start(undefined, { signal });
    await group.down({ signal });
    return "down";
  } catch (error) {
    if (signal.aborted) return "left";
    throw error;
  }
}

/** Reports everything, and says where each life's files and ports are. */
async function follow(
  supervisor: Supervisor,
  reports: ReturnType<VmGroup["reports"]>,
  { config, reporter }: GroupJob,
): Promise<void> {
  for await (const report of reports) {
    reporter.report(report);
    if (report.kind === "guest-ended" && supervisor.get(report.vm)?.phase === "held") {
      reporter.notice(
        `QEMU holds ${report.vm} as it is, for a person to look at; Ctrl-C ends it with the group`,
      );
    }
    const vm = report.kind === "started" ? supervisor.get(report.vm)?.vm : null;
    const member = config.vms[report.vm];
    if (!vm || member === undefined) continue;
    // A short life may be over before it has said where it is.
    introduce(vm, { config: member.config, reporter }).catch((error) =>
      reporter.logger.debug("QEMU did not answer", { error })
    );
  }
}

function exitCodeOf(group: VmGroup): number {
  const members = group.list();
  if (members.some(({ phase }) => phase === "failed")) return EXIT.restartLimit;
  const codes = members.map(({ guest }) => exitCodeAtLast(guest?.lastVerdict ?? null));
  return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}
