import { ConfigError, parseVmConfig, type VmConfig } from "../../machine/mod.ts";
import type { Logger } from "../../qmp/mod.ts";
import { runRoot } from "../../vm/mod.ts";
import { findTie } from "../../vm/start_qemu.ts";
import type { GroupConfig, GroupMember } from "./group.ts";
import { GroupFile, type GroupRecord } from "./group_record.ts";
import { Member } from "./member.ts";
import { memberIssues } from "./parse_group.ts";
import { type GroupPlace, placeMember } from "./placing.ts";
import { GroupError, type GroupOptions } from "./vm_group.ts";

/** A group in its place: nothing of it runs yet, but for what an earlier supervisor left. */
export interface PreparedGroup {
  members: ReadonlyMap<string, Member>;
  place: GroupPlace;
  /** What it is remembered by; null where nothing outlives this process. */
  file: GroupFile | null;
  /** What was remembered. */
  record: GroupRecord | null;
}

/**
 * Finds out where a group is, and puts its members there.
 *
 * @param config The group, checked.
 * @param options Folders.
 * @param logger Told what is missing.
 * @returns The group. Its directory is made if it has helpers.
 * @throws {GroupError | TypeError} When a path that is absolute now is too long, or can't be used.
 */
export async function prepareGroup(
  config: GroupConfig,
  options: GroupOptions,
  logger: Logger,
): Promise<PreparedGroup> {
  const { name = "group", vms } = config;
  const { stateDir } = options;
  const file = stateDir === undefined ? null : new GroupFile(absolute(stateDir), name, logger);
  const record = await file?.read() ?? null;
  const place: GroupPlace = {
    folder: absolute(options.folder ?? "."),
    runDir: record?.runDir ?? await newRunDir(options.runtimeDir),
  };
  const lifetime = file === null ? "owned" : "detached";
  const hasHelpers = Object.values(vms).some(({ helpers = [] }) => helpers.length > 0);
  const tie = hasHelpers && lifetime === "owned" ? await findTie({ kind: "owned" }, logger) : "none";
  const members = new Map<string, Member>();
  for (const [index, [vm, asWritten]] of Object.entries(vms).entries()) {
    const placed = placeMember(asWritten, place);
    const member: GroupMember = { ...placed, config: checkAgain(vm, placed.config) };
    const plans = (member.helpers ?? []).map((helper) => ({
      name: helper.name,
      command: helper.command,
      cwd: place.folder,
      socket: helper.socket ?? null,
      readyWithinMs: helper.readyWithinMs ?? 10_000,
      log: `${place.runDir}/${helper.name}.${index}.log`,
      lifetime,
      tie,
      onEnd: helper.onEnd ?? "restart",
    } as const));
    members.set(vm, new Member(vm, member, plans));
  }
  if (hasHelpers) await Deno.mkdir(place.runDir, { recursive: true, mode: 0o700 });
  return { members, place, file, record };
}

/** An absolute name may be too long for a socket. */
function checkAgain(vm: string, config: VmConfig): VmConfig {
  try {
    return parseVmConfig(config);
  } catch (error) {
    throw error instanceof ConfigError ? new GroupError(memberIssues(vm, error)) : error;
  }
}

/** A name that nobody has. Short, because socket paths are. */
async function newRunDir(runtimeDir: string | undefined): Promise<string> {
  const root = runtimeDir === undefined ? await runRoot() : absolute(runtimeDir);
  return `${root}/${crypto.randomUUID().slice(0, 8)}`;
}

function absolute(path: string): string {
  if (path.startsWith("/")) return path;
  return path === "." ? Deno.cwd() : `${Deno.cwd()}/${path}`;
}
