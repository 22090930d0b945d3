import type { ConfigError, ConfigIssue } from "../../machine/mod.ts";

/**
 * What is wrong in the config of one guest, with its place in the group.
 *
 * @param vm The guest's name.
 * @param error What is wrong in its config.
 * @returns The same as issues of the group.
 */
export function memberIssues(vm: string, error: ConfigError): ConfigIssue[] {
  return error.issues.map(({ path: inside, message, ...rest }) => {
    // A guest's name is its key in the group.
    const path = inside === "" || inside === "name" ? `vms.${vm}` : `vms.${vm}.config.${inside}`;
    const line = inside === "" ? `${path}: ${message}` : message.replace(inside, () => path);
    return { ...rest, path, message: line };
  });
}
