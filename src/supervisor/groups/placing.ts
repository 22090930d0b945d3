import { resolveConfigPaths, type VmConfig } from "../../machine/mod.ts";
import type { ShareConfig } from "../../machine/mod.ts";
import type { GroupMember, HelperConfig } from "./group.ts";

/** Where a group is. Both are absolute paths. */
export interface GroupPlace {
  /** The folder at which relative file names start; helpers run in it. */
  folder: string;
  /** The group's private directory for sockets, which is `{run}`. */
  runDir: string;
}

/** Begins a value: at the start of an argument, or behind an `=`. */
const RUN_DIR = /(^|=)\{run\}(?=\/|$)/g;

/** Characters that end no value and begin no option, whatever program reads them. */
const PLAIN_PATH = /^\/[A-Za-z0-9._/-]*$/;

/**
 * Puts a member's files where they are: `{run}` becomes the group's directory, relative names become absolute.
 *
 * @param member The member.
 * @param place Where the group is.
 * @returns The same, with nothing left to find out. Check its config again: a socket's path may have become too long.
 * @throws {TypeError} When `{run}` is used, and the directory's path could be taken for more than a path.
 */
export function placeMember(member: GroupMember, place: GroupPlace): GroupMember {
  const { helpers } = member;
  const put = (value: string) => substitute(value, place.runDir);
  const config = resolveConfigPaths(placeConfig(member.config, put), place.folder);
  if (helpers === undefined) return { ...member, config };
  return { ...member, config, helpers: helpers.map((helper) => placeHelper(helper, put, place.folder)) };
}

function placeHelper(helper: HelperConfig, put: (value: string) => string, folder: string): HelperConfig {
  const command = helper.command.map(put);
  if (helper.socket === undefined) return { ...helper, command };
  const socket = put(helper.socket);
  return { ...helper, command, socket: socket.startsWith("/") ? socket : `${folder}/${socket}` };
}

/** Only where a helper's socket can stand: a guest's kernel may have a `{run}` of its own. */
function placeConfig(config: VmConfig, put: (value: string) => string): VmConfig {
  const { tpm, shares, extraArgs } = config;
  const placeShare = (share: ShareConfig): ShareConfig =>
    share.type === "virtiofs" ? { ...share, socket: put(share.socket) } : share;
  return {
    ...config,
    ...(tpm === undefined ? {} : { tpm: { ...tpm, socket: put(tpm.socket) } }),
    ...(shares === undefined ? {} : { shares: shares.map(placeShare) }),
    ...(extraArgs === undefined ? {} : { extraArgs: extraArgs.map(put) }),
  };
}

function substitute(value: string, runDir: string): string {
  return value.replace(RUN_DIR, (_found, before: string) => {
    if (PLAIN_PATH.test(runDir)) return `${before}${runDir}`;
    throw new TypeError(
      `Cannot put the sockets of helpers into ${
        JSON.stringify(runDir)
      }: a program could take something in its path for the end of ` +
        "a value; name a runtimeDir of letters, digits and ._-/ only",
    );
  });
}
