import { ConfigError, type ConfigIssue, resolveConfigPaths, type VmConfig } from "../machine/mod.ts";
import { memberIssues, parseGroup } from "../supervisor/groups/parse_group.ts";
import { GroupError } from "../supervisor/groups/vm_group.ts";
import type { GroupConfig } from "../supervisor/mod.ts";
import { checkFiles } from "../vm/preflight.ts";
import { UsageError } from "./command.ts";
import { folderOf } from "./config_file.ts";
import { readJsoncFile } from "./jsonc_file.ts";

/** A group from a file, checked. */
export interface GroupFileContent {
  readonly config: GroupConfig;
  /** Where its relative file names start. */
  readonly folder: string;
  /** An error about this group, as one that says where in the file it is wrong. */
  explain(error: GroupError): UsageError;
}

/**
 * Reads a group.
 *
 * @param file The file, JSON with comments.
 * @returns The group.
 * @throws {UsageError} When it can't be read or is wrong, or a file that a guest needs is not there: file, line, column, the place in the
 * group, what was found and what was expected.
 */
export async function readGroupFile(file: string): Promise<GroupFileContent> {
  const source = await readJsoncFile(file, "group");
  const explain = (error: { issues: readonly ConfigIssue[] }) =>
    new UsageError(error.issues.map(({ path, message }) => source.fault(path, message).message).join("\n"), {
      about: "config",
      cause: error,
    });
  try {
    const config = parseGroup(source.value);
    const folder = folderOf(file);
    await checkGuestFiles(config, folder);
    return { config, folder, explain };
  } catch (error) {
    throw error instanceof GroupError ? explain(error) : error;
  }
}

async function checkGuestFiles(config: GroupConfig, folder: string): Promise<void> {
  const issues: ConfigIssue[] = [];
  for (const [name, member] of Object.entries(config.vms)) {
    try {
      await checkFiles(resolveConfigPaths(withoutHelpers(member.config), folder));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...memberIssues(name, error));
    }
  }
  if (issues.length > 0) throw new GroupError(issues);
}

/** The sockets of helpers are not there yet. A place in a list stays what it is. */
function withoutHelpers({ tpm: _tpm, shares, ...config }: VmConfig): VmConfig {
  if (shares === undefined) return config;
  return {
    ...config,
    shares: shares.map((share) => share.type === "9p" ? share : { type: "9p", path: "/", tag: share.tag }),
  };
}
