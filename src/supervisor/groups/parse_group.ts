import { ConfigError, type NewConfigIssue, parseVmConfig, type VmConfig } from "../../machine/mod.ts";
import { nearestKey } from "../../machine/nearest_key.ts";
import { checkProbes } from "../liveness/check_probes.ts";
import { policyOf } from "../policy_of.ts";
import type { SupervisedVm } from "../spec.ts";
import type { GroupConfig, GroupMember, HelperConfig } from "./group.ts";
import { GroupError } from "./group_error.ts";
import { memberIssues } from "./member_issues.ts";
import { findCycle } from "./order.ts";
import { STRATEGIES } from "./strategy.ts";

const GROUP_KEYS = keysOf<GroupConfig>({ name: 0, strategy: 0, vms: 0 });
const SPEC_KEYS = keysOf<SupervisedVm>({
  config: 0,
  restart: 0,
  backoff: 0,
  limit: 0,
  onCause: 0,
  onStuck: 0,
  onUnreachable: 0,
  probes: 0,
  stop: 0,
});
const MEMBER_KEYS = [
  ...SPEC_KEYS,
  ...keysOf<Omit<GroupMember, keyof SupervisedVm>>({
    dependsOn: 0,
    readyWithinMs: 0,
    helpers: 0,
  }),
];
const HELPER_KEYS = keysOf<HelperConfig>({ name: 0, command: 0, socket: 0, readyWithinMs: 0, onEnd: 0 });

/** The longest that a timer can wait, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Issues = NewConfigIssue[];

/**
 * Checks a group that comes from outside, JSON or a script: every key, word and name, each guest's config and policy, and that no
 * guests wait for each other.
 *
 * @param input Anything.
 * @returns A copy of it, typed, each config with its guest's name. No other defaults are filled in.
 * @throws {GroupError} If anything is wrong, with everything that is.
 */
export function parseGroup(input: unknown): GroupConfig {
  const issues: Issues = [];
  const group = readGroup(input, issues);
  if (issues.length > 0 || group === null) throw new GroupError(issues);
  return group;
}

function readGroup(input: unknown, issues: Issues): GroupConfig | null {
  if (!isObject(input, "", issues)) return null;
  checkKeys(input, "", GROUP_KEYS, issues);
  const { name, strategy, vms } = input;
  if (name !== undefined) checkName(name, "name", issues);
  if (strategy !== undefined) checkWord(strategy, "strategy", STRATEGIES, issues);
  if (!isObject(vms, "vms", issues)) return null;
  const names = Object.keys(vms);
  if (names.length === 0) {
    issues.push({ path: "vms", expected: "at least one guest", found: "an empty object" });
  }
  const members = names.map((name) => [name, readMember(vms[name], name, names, issues)] as const);
  // What depends on nobody that there is can't be put into an order.
  if (issues.length === 0) checkOrder(members, issues);
  return { ...input, vms: Object.fromEntries(members) } as unknown as GroupConfig;
}

function readMember(input: unknown, name: string, names: readonly string[], issues: Issues): unknown {
  const path = `vms.${name}`;
  if (!isObject(input, path, issues)) return input;
  checkKeys(input, path, MEMBER_KEYS, issues);
  const { config, dependsOn, readyWithinMs, helpers, ...rest } = input;
  if (dependsOn !== undefined) checkDependsOn(dependsOn, name, names, issues);
  if (readyWithinMs !== undefined) checkTime(readyWithinMs, `${path}.readyWithinMs`, issues);
  if (helpers !== undefined) checkHelpers(helpers, `${path}.helpers`, issues);
  checkPolicy(rest, config, path, issues);
  if (!isObject(config, `${path}.config`, issues)) return input;
  return { ...input, config: readConfig(config, name, path, issues) };
}

function readConfig(config: Record<string, unknown>, name: string, path: string, issues: Issues): unknown {
  if (config["name"] !== undefined && config["name"] !== name) {
    issues.push({
      path: `${path}.config.name`,
      expected: `${JSON.stringify(name)}, or nothing`,
      found: describe(config["name"]),
    });
    return config;
  }
  try {
    return parseVmConfig({ ...config, name });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    issues.push(...memberIssues(name, error));
    return config;
  }
}

/** What the policy's own check has to say names the part of it that is wrong. */
function checkPolicy(rest: Record<string, unknown>, config: unknown, path: string, issues: Issues): void {
  const spec = Object.fromEntries(
    Object.entries(rest).filter(([key]) => SPEC_KEYS.includes(key)),
  ) as unknown as Omit<SupervisedVm, "config">;
  for (const key of ["backoff", "limit", "onCause", "onStuck", "onUnreachable", "stop"] as const) {
    if (spec[key] !== undefined && !isObject(spec[key], `${path}.${key}`, issues)) return;
  }
  try {
    policyOf(spec);
    checkProbes(spec.probes ?? [], (config ?? {}) as VmConfig);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    const part = /'([\w.[\]-]+)'/.exec(error.message)?.[1];
    const place = part === undefined ? path : `${path}.${part}`;
    issues.push({
      path: place,
      expected: "a policy that can be followed",
      found: "one that can't",
      message: `${place}: ${error.message}`,
    });
  }
}

function checkDependsOn(input: unknown, name: string, names: readonly string[], issues: Issues): void {
  const path = `vms.${name}.dependsOn`;
  if (!isList(input, path, issues)) return;
  for (const [index, needed] of input.entries()) {
    const place = `${path}[${index}]`;
    if (needed === name) {
      issues.push({ path: place, expected: "another guest", found: `${JSON.stringify(name)} itself` });
    } else if (typeof needed !== "string" || !names.includes(needed)) {
      const near = typeof needed === "string" ? nearestKey(needed, names) : undefined;
      const expected = near === undefined ? `one of ${names.join(", ")}` : JSON.stringify(near);
      const message = near === undefined
        ? undefined
        : `${place}: there is no guest ${JSON.stringify(needed)}, did you mean ${JSON.stringify(near)}?`;
      issues.push({ path: place, expected, found: describe(needed), ...(message ? { message } : {}) });
    } else if (input.indexOf(needed) < index) {
      issues.push({ path: place, expected: "each guest once", found: `${JSON.stringify(needed)} again` });
    }
  }
}

function checkOrder(members: readonly (readonly [string, unknown])[], issues: Issues): void {
  const cycle = findCycle(new Map(members.map(([name, member]) => [name, neededOf(member)])));
  if (cycle === null) return;
  const [first = ""] = cycle;
  const path = `vms.${first}.dependsOn`;
  const found = cycle.join(" -> ");
  issues.push({
    path,
    expected: "an order",
    found,
    message: `${path}: these wait for each other: ${found}; take one of the dependencies out`,
  });
}

function checkHelpers(input: unknown, path: string, issues: Issues): void {
  if (!isList(input, path, issues)) return;
  const names: unknown[] = [];
  for (const [index, helper] of input.entries()) {
    const place = `${path}[${index}]`;
    if (!isObject(helper, place, issues)) continue;
    checkKeys(helper, place, HELPER_KEYS, issues);
    const { name, command, socket, readyWithinMs, onEnd } = helper;
    checkName(name, `${place}.name`, issues);
    if (names.includes(name)) {
      issues.push({
        path: `${place}.name`,
        expected: "a name that no other helper of this guest has",
        found: describe(name),
      });
    }
    names.push(name);
    checkCommand(command, `${place}.command`, issues);
    if (socket !== undefined) checkText(socket, `${place}.socket`, "the path of a unix socket", issues);
    if (readyWithinMs !== undefined) checkTime(readyWithinMs, `${place}.readyWithinMs`, issues);
    if (onEnd !== undefined) checkWord(onEnd, `${place}.onEnd`, ["restart", "report"], issues);
  }
}

function checkCommand(input: unknown, path: string, issues: Issues): void {
  if (!isList(input, path, issues)) return;
  const [program, ...args] = input;
  if (typeof program !== "string" || program === "" || program.startsWith("-") || program.includes("\0")) {
    issues.push({ path: `${path}[0]`, expected: "a program", found: describe(program) });
  }
  for (const [index, arg] of args.entries()) {
    if (typeof arg === "string" && !arg.includes("\0")) continue;
    issues.push({
      path: `${path}[${index + 1}]`,
      expected: "a string without NUL",
      found: describe(arg),
    });
  }
}

function checkKeys(input: object, path: string, known: readonly string[], issues: Issues): void {
  for (const key of Object.keys(input)) {
    if (known.includes(key)) continue;
    const place = path === "" ? key : `${path}.${key}`;
    const near = nearestKey(key, known);
    const expected = near === undefined ? `one of ${known.join(", ")}` : JSON.stringify(near);
    const advice = near === undefined ? `expected ${expected}` : `did you mean ${expected}?`;
    issues.push({
      path: place,
      expected,
      found: `unknown key ${JSON.stringify(key)}`,
      message: `${place}: unknown key, ${advice}`,
    });
  }
}

function checkName(input: unknown, path: string, issues: Issues): void {
  if (typeof input === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(input)) return;
  issues.push({
    path,
    expected: "a name: letters, digits and ._-, at most 64",
    found: describe(input),
  });
}

function checkText(input: unknown, path: string, expected: string, issues: Issues): void {
  if (typeof input === "string" && input !== "" && !input.includes("\0")) return;
  issues.push({ path, expected, found: describe(input) });
}

function checkTime(input: unknown, path: string, issues: Issues): void {
  if (typeof input === "number" && input >= 0 && input <= MAX_TIMER_MS) return;
  issues.push({
    path,
    expected: `milliseconds, a number from 0 to ${MAX_TIMER_MS}`,
    found: describe(input),
  });
}

function checkWord(input: unknown, path: string, words: readonly string[], issues: Issues): void {
  if (typeof input === "string" && words.includes(input)) return;
  const near = typeof input === "string" ? nearestKey(input, words) : undefined;
  const expected = `one of ${words.join(", ")}`;
  const advice = near === undefined ? "" : `, did you mean ${JSON.stringify(near)}?`;
  const found = describe(input);
  issues.push({ path, expected, found, message: `${path}: expected ${expected}, found ${found}${advice}` });
}

function isObject(input: unknown, path: string, issues: Issues): input is Record<string, unknown> {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return true;
  issues.push({ path, expected: "an object", found: describe(input) });
  return false;
}

function isList(input: unknown, path: string, issues: Issues): input is unknown[] {
  if (Array.isArray(input)) return true;
  issues.push({ path, expected: "a list", found: describe(input) });
  return false;
}

function neededOf(member: unknown): readonly string[] {
  return (member as GroupMember).dependsOn ?? [];
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Every key of a type: one that is left out does not compile. */
function keysOf<T>(keys: Record<keyof T, 0>): readonly string[] {
  return Object.keys(keys);
}
