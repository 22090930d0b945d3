import { runPaths } from "../../machine/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import { clockSince, restoreHistory } from "../kept_history.ts";
import type { Probe } from "../liveness/mod.ts";
import { endOfLastMatch } from "../liveness/text_pattern.ts";
import type { GuestStatus } from "../supervisor.ts";
import type { GroupMind } from "./group_mind.ts";
import { HelperProcess } from "./helper_process.ts";
import type { Member } from "./member.ts";
import { bringDown, type MemberHost } from "./member_processes.ts";
import { isAtRest } from "./next_steps.ts";
import type { PreparedGroup } from "./prepare_group.ts";

/** What taking over needs. */
export interface TakeOverHost extends MemberHost {
  mind: GroupMind;
  /** Notices the end of a helper. */
  watch(member: Member, helper: HelperProcess): void;
}

/**
 * Takes over what runs of a group already: the guests that its supervisor has, and the helpers that are remembered.
 *
 * @param group The group.
 * @param host Its parts.
 */
export async function takeOver({ members, record }: PreparedGroup, host: TakeOverHost): Promise<void> {
  for (const [vm, known] of Object.entries(record?.helpers ?? {})) {
    const member = members.get(vm);
    for (const one of known) {
      const helper = await HelperProcess.adopt(one);
      if (helper === null) continue;
      if (member === undefined) {
        host.logger.warn("A guest that is not in the group any more has a helper that runs", {
          vm,
          helper: one.name,
          pid: one.pid,
        });
        helper.leave();
        continue;
      }
      member.helpers.push(helper);
      host.watch(member, helper);
    }
  }
  const mono = clockSince(record?.savedAt ?? Date.now(), performance.now(), Date.now());
  for (const member of members.values()) {
    const kept = record?.histories[member.name];
    if (kept !== undefined) member.history = restoreHistory(kept, mono);
    const guest = host.supervisor.get(member.name);
    if (guest === undefined) continue;
    await host.supervisor.update(member.name, member.spec);
    await takeOverGuest(member, guest, host);
  }
  // A helper without its guest is of no use to the next one, which gets its own.
  for (const member of members.values()) {
    if (isAtRest(member) && member.helpers.length > 0) await bringDown(member, host);
  }
}

async function takeOverGuest(member: Member, guest: GuestStatus, { mind }: TakeOverHost): Promise<void> {
  const { phase, vm } = guest;
  // Its end, or that of the attempt to start it, will be reported.
  if (vm !== null || phase === "starting" || phase === "stopping") member.beginLife();
  switch (phase) {
    case "down":
    case "failed":
      return;
    case "unverified":
      member.atRest = member.phase = "failed";
      return;
    case "held":
      [member.goal, member.phase] = ["up", "held"];
      return;
    case "starting":
    case "stopping":
    case "backoff":
      // Its QEMU would not wait for its turn, nor for its helpers.
      [member.goal, member.phase] = ["renew", "starting"];
      return;
    case "dumping":
      [member.goal, member.phase] = ["up", "ending"];
      return;
    case "up":
    case "unresponsive": {
      const isWhole = member.plans.every(({ name }) => member.helpers.some((helper) => helper.name === name));
      [member.goal, member.phase] = [isWhole ? "up" : "renew", "up"];
      mind.foundUp(member, await saidReady(vm, member.spec.probes ?? []));
    }
  }
}

/**
 * Whether a guest that was found running has said on its console, before anybody listened, all that makes it ready. It won't say it again, so
 * QEMU's log of the console has to do. False where no probe for readiness listens to the console, or there is no log.
 */
async function saidReady(vm: Vm | null, probes: readonly Probe[]): Promise<boolean> {
  const awaited = probes.flatMap((probe) =>
    probe.kind === "console" && probe.for === "readiness" ? [probe.pattern] : []
  );
  if (awaited.length === 0 || typeof vm?.runDir !== "string") return false;
  try {
    const said = await Deno.readTextFile(runPaths(vm.runDir).consoleLog);
    return awaited.every((pattern) => endOfLastMatch(said, pattern) >= 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
