import * as v from "valibot";
import type { VmConfig } from "./config.ts";
import { ConfigError, type NewConfigIssue } from "./config_error.ts";
import { nearestKey } from "./nearest_key.ts";
import { ruleIssues } from "./rules.ts";
import { vmConfigSchema } from "./schema.ts";

/** Deeper than any config goes, so that a value that contains itself ends. */
const MAX_DEPTH = 12;

/** The most of a string that an error quotes. */
const MAX_QUOTED = 60;

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
  const strays: NewConfigIssue[] = [];
  const config = copy(input, "", 0, strays);
  const result = v.safeParse(vmConfigSchema, config, { abortPipeEarly: true });
  const issues = [...(result.issues ?? []).map(describe), ...strays];
  if (issues.length > 0) throw new ConfigError(issues);
  const typed = result.output as VmConfig;
  const lists = listsForObjects(config, typed, "");
  if (lists.length > 0) throw new ConfigError(lists);
  const broken = ruleIssues(typed);
  if (broken.length > 0) throw new ConfigError(broken);
  return typed;
}

/**
 * Copies plain data, without keys whose value is undefined. Keys that every object inherits (`constructor`) would slip through
 * a schema, so they are collected here.
 */
function copy(value: unknown, path: string, depth: number, strays: NewConfigIssue[]): unknown {
  if (depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) => copy(item, `${path}[${index}]`, depth + 1, strays));
  }
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const place = path === "" ? key : `${path}.${key}`;
    if (key in Object.prototype) strays.push(unknownKey(place, key, []));
    else if (item !== undefined) result[key] = copy(item, place, depth + 1, strays);
  }
  return result;
}

/** To a schema a list is an object, and an empty one has no wrong keys: these are found by what it made of them. */
function listsForObjects(input: unknown, output: unknown, path: string): NewConfigIssue[] {
  if (typeof output !== "object" || output === null || typeof input !== "object" || input === null) return [];
  if (Array.isArray(input) && !Array.isArray(output)) {
    return [{ path, expected: "an object", found: "a list" }];
  }
  return Object.entries(output).flatMap(([key, value]) => {
    const place = Array.isArray(output) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return listsForObjects(Reflect.get(input, key), value, place);
  });
}

function describe(issue: v.BaseIssue<unknown>): NewConfigIssue {
  const path = formatPath(issue.path ?? []);
  if (issue.type === "strict_object" && issue.expected === "never") {
    // The schema's message is the list of the keys that there are.
    return unknownKey(path, String(issue.path?.at(-1)?.key), issue.message.split("\n"));
  }
  return {
    path,
    expected: issue.message,
    found: describeFinding(issue.input, path),
  };
}

function unknownKey(path: string, key: string, known: readonly string[]): NewConfigIssue {
  const near = nearestKey(key, known);
  const found = `unknown key ${JSON.stringify(key)}`;
  if (near !== undefined) {
    const expected = JSON.stringify(near);
    return { path, expected, found, message: `${path}: unknown key, did you mean ${expected}?` };
  }
  const expected = known.length === 0 ? "a key of a config" : `one of ${known.join(", ")}`;
  return { path, expected, found, message: `${path}: unknown key, expected ${expected}` };
}

function formatPath(items: readonly { key: unknown }[]): string {
  return items.reduce<string>((path, { key }) => {
    if (typeof key === "number") return `${path}[${key}]`;
    return path === "" ? String(key) : `${path}.${String(key)}`;
  }, "");
}

function describeFinding(value: unknown, path: string): string {
  if (value === undefined) return "nothing";
  // An error may end up in a log.
  if (/^secrets\[\d+\]\.value$/.test(path)) return "something else";
  if (typeof value === "string") {
    return value.length <= MAX_QUOTED
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, MAX_QUOTED))}... (${value.length} characters)`;
  }
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}
