import type { Logger } from "../../qmp/mod.ts";
import type { GuestStatus, Supervisor } from "../supervisor.ts";
import { HelperProcess } from "./helper_process.ts";
import type { Member } from "./member.ts";

/** What the processes of a member need from its group. */
export interface MemberHost {
  supervisor: Supervisor;
  logger: Logger;
  /** A helper runs and is ready. Resolves when it will be found again. */
  helperStarted(member: Member, helper: HelperProcess): Promise<void>;
}

/** A helper that could not be started. */
export class HelperStartError extends Error {
  override readonly name = "HelperStartError";
  readonly helper: string;

  constructor(helper: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.helper = helper;
  }
}

/**
 * Starts a member: its helpers one after another, and then its guest.
 *
 * @param member The member, of which nothing runs.
 * @param host The group's part.
 * @param signal Gives the start up, and leaves what was started to `bringDown`.
 * @throws {HelperStartError} When a helper can't be started.
 * @throws {TypeError | Error} When the supervisor refuses, or the signal's reason. What becomes of the guest is reported, and not thrown.
 */
export async function bringUp(member: Member, host: MemberHost, signal: AbortSignal): Promise<void> {
  const { name, spec } = member;
  const { supervisor } = host;
  for (const plan of member.plans) {
    const helper = await startHelper(plan, signal);
    member.helpers.push(helper);
    await host.helperStarted(member, helper);
  }
  signal.throwIfAborted();
  member.beginLife();
  try {
    await (supervisor.get(name) === undefined
      ? supervisor.add(spec, { signal })
      : supervisor.start(name, { signal }));
  } catch (error) {
    // What it was refused leaves nothing to wait for.
    if (!signal.aborted) member.endLife();
    throw error;
  }
}

/**
 * Stops a member: its guest, by the stop ladder, and then its helpers, the last one first.
 *
 * @param member The member; a start that is under way is given up.
 * @param host The group's part.
 * @returns Whether its QEMU is gone; one that nobody can prove to be it is left alone.
 */
export async function bringDown(
  member: Member,
  { supervisor, logger }: MemberHost,
): Promise<"gone" | "left-alone"> {
  const { name } = member;
  member.starting?.giveUp.abort(new Error("The start was given up because a stop was asked for"));
  await member.starting?.done;
  if (!isGone(supervisor.get(name))) {
    try {
      if (member.answers === "no") await supervisor.get(name)?.vm?.kill();
      const told = member.stopWillBeTold();
      await supervisor.stop(name);
      await told;
    } catch (error) {
      // Its supervisor was closed meanwhile, and has stopped it.
      logger.debug("A member could not be stopped", { vm: name, error });
      member.endReports();
    }
  }
  const gone = isGone(supervisor.get(name));
  if (gone) await member.lifeOver;
  const helpers = member.helpers.toReversed();
  member.helpers = [];
  for (const helper of helpers) await helper.stop();
  return gone ? "gone" : "left-alone";
}

async function startHelper(plan: Member["plans"][number], signal: AbortSignal): Promise<HelperProcess> {
  try {
    return await HelperProcess.start(plan, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new HelperStartError(plan.name, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function isGone(guest: GuestStatus | undefined): boolean {
  return guest === undefined || guest.phase === "down" || guest.phase === "failed";
}
