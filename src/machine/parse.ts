import type { VmConfig } from "./config.ts";
import { ConfigError, type NewConfigIssue } from "./config_error.ts";
import { Place } from "./place.ts";
import { ruleIssues } from "./rules.ts";
import { vmConfigSchema } from "./schema.ts";

/**
 * Checks a config that comes from outside, JSON or a script: every key and type, and what its parts mean to each other. Whether
 * its files exist is another question ({@linkcode configFiles}).
 *
 * @param input Anything. Keys whose value is undefined count as absent.
 * @returns A copy of it, typed. No defaults are filled in.
 * @throws {ConfigError} If anything is wrong, with everything that is.
 *
 * @example
 * ```ts
 * import { ConfigError, parseVmConfig } from "@qeeper/qeeper";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => parseVmConfig({ drive: [] }), ConfigError);
 *
 * assertEquals(error.message, 'Invalid VM config: drive: unknown key, did you mean "drives"?');
 * ```
 */
export function parseVmConfig(input: unknown): VmConfig {
  const issues: NewConfigIssue[] = [];
  const config = vmConfigSchema(input, new Place(issues));
  if (issues.length > 0 || config === undefined) throw new ConfigError(issues);
  const broken = ruleIssues(config);
  if (broken.length > 0) throw new ConfigError(broken);
  return config;
}
