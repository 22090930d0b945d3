import {
  ConfigError,
  type ConfigIssue,
  type NewConfigIssue,
  parseVmConfig,
  type VmConfig,
} from "../../machine/mod.ts";
import { nearestKey } from "../../machine/nearest_key.ts";
import { Place } from "../../machine/place.ts";
import {
  isObject,
  list,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  string,
} from "../../machine/schema_words.ts";
import { MAX_TIMER_MS } from "../../qmp/alarm.ts";
import { checkProbes } from "../liveness/check_probes.ts";
import { policyOf } from "../policy_of.ts";
import type { GroupConfig, GroupMember, HelperConfig } from "./group.ts";
import { findCycle } from "./order.ts";
import { STRATEGIES } from "./strategy.ts";
import { GroupError } from "./vm_group.ts";

const NAME = "a name: letters, digits and ._-, at most 64";
const nameSchema = string(NAME, [/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, NAME]);
const timeSchema = number(0, MAX_TIMER_MS, `milliseconds, a number from 0 to ${MAX_TIMER_MS}`);
const programSchema = string("a program", [(word) => word !== "" && !/^-|\0/.test(word), "a program"]);
const ARGUMENT = "a string without NUL";
const argumentSchema = string(ARGUMENT, [(word) => !word.includes("\0"), ARGUMENT]);
const SOCKET = "the path of a unix socket";
const socketSchema = string(SOCKET, [(path) => path !== "" && !path.includes("\0"), SOCKET]);

/** Parts of the policy, which has a check of its own. */
const unchecked: Schema<never> = (value) => value as never;
const anObject: Schema<never> = (value, place) =>
  isObject(value) ? value as never : place.wrong(value, "an object");

const groupSchema = object<GroupConfig>({
  name: optional(nameSchema),
  strategy: optional(oneOf(STRATEGIES)),
  vms: membersSchema,
});

const helpersSchema = list(
  object<HelperConfig>({
    name: nameSchema,
    command: commandSchema,
    socket: optional(socketSchema),
    readyWithinMs: optional(timeSchema),
    onEnd: optional(oneOf(["restart", "report"])),
  }),
  "helpers",
);

/**
 * Checks a group that comes from outside, JSON or a script: every key, word and name, each guest's config and policy, and that no
 * guests wait for each other.
 *
 * @param input Anything.
 * @returns A copy of it, typed, each config with its guest's name. No other defaults are filled in.
 * @throws {GroupError} If anything is wrong, with everything that is.
 */
export function parseGroup(input: unknown): GroupConfig {
  const issues: NewConfigIssue[] = [];
  const place = new Place(issues);
  const group = groupSchema(input, place);
  // What depends on nobody that there is can't be put into an order.
  if (issues.length === 0 && group !== undefined) checkOrder(group, place);
  if (issues.length > 0 || group === undefined) throw new GroupError(issues);
  return group;
}

function membersSchema(value: unknown, place: Place): GroupConfig["vms"] | undefined {
  if (!isObject(value)) return place.wrong(value, "an object");
  const names = Object.keys(value);
  if (names.length === 0) place.tell({ expected: "at least one guest", found: "an empty object" });
  const members = names.map((name) => [name, memberSchema(name, names)(value[name], place.at(name))]);
  return Object.fromEntries(members);
}

function memberSchema(name: string, names: readonly string[]): Schema<GroupMember> {
  const member = object<GroupMember>({
    config: configSchema(name),
    restart: optional(unchecked),
    backoff: optional(anObject),
    limit: optional(anObject),
    onCause: optional(anObject),
    onStuck: optional(anObject),
    onUnreachable: optional(anObject),
    probes: optional(unchecked),
    stop: optional(anObject),
    dependsOn: optional(dependsOnSchema(name, names)),
    readyWithinMs: optional(timeSchema),
    helpers: optional(distinctHelpers),
  });
  return (value, place) => {
    const found = member(value, place);
    if (found !== undefined && isObject(value)) checkPolicy(found, value["config"], place);
    return found;
  };
}

function configSchema(name: string): Schema<VmConfig> {
  return (value, place) => {
    if (!isObject(value)) return place.wrong(value, "an object");
    const given = value["name"];
    if (given !== undefined && given !== name) {
      return place.at("name").wrong(given, `${JSON.stringify(name)}, or nothing`);
    }
    try {
      return parseVmConfig({ ...value, name });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      place.takeOver(memberIssues(name, error));
      return undefined;
    }
  };
}

/** What the policy's own check has to say names the part of it that is wrong. */
function checkPolicy(member: GroupMember, config: unknown, place: Place): void {
  const { config: _, dependsOn: _needs, readyWithinMs: _time, helpers: _helpers, ...spec } = member;
  try {
    policyOf(spec);
    checkProbes(spec.probes ?? [], (config ?? {}) as VmConfig);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    const part = /'([\w.[\]-]+)'/.exec(error.message)?.[1];
    (part === undefined ? place : place.at(part)).tell({
      expected: "a policy that can be followed",
      found: "one that can't",
      says: error.message,
    });
  }
}

function dependsOnSchema(name: string, names: readonly string[]): Schema<string[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return place.wrong(value, "a list");
    for (const [index, needed] of value.entries()) {
      const here = place.at(index);
      if (typeof needed !== "string") {
        here.wrong(needed, `one of ${names.join(", ")}`);
        continue;
      }
      const quoted = JSON.stringify(needed);
      if (needed === name) {
        here.tell({ expected: "another guest", found: `${quoted} itself` });
      } else if (!names.includes(needed)) {
        const near = nearestKey(needed, names);
        if (near === undefined) here.wrong(needed, `one of ${names.join(", ")}`);
        else {
          const meant = JSON.stringify(near);
          here.tell({
            expected: meant,
            found: quoted,
            says: `there is no guest ${quoted}, did you mean ${meant}?`,
          });
        }
      } else if (value.indexOf(needed) < index) {
        here.tell({ expected: "each guest once", found: `${quoted} again` });
      }
    }
    return [...value];
  };
}

function checkOrder({ vms }: GroupConfig, place: Place): void {
  const needed = new Map(Object.entries(vms).map(([name, { dependsOn = [] }]) => [name, dependsOn]));
  const cycle = findCycle(needed);
  if (cycle === null) return;
  const [first = ""] = cycle;
  const found = cycle.join(" -> ");
  place.at("vms").at(first).at("dependsOn").tell({
    expected: "an order",
    found,
    says: `these wait for each other: ${found}; take one of the dependencies out`,
  });
}

function distinctHelpers(value: unknown, place: Place): HelperConfig[] | undefined {
  const helpers = helpersSchema(value, place);
  const names = helpers?.map((helper) => helper?.name) ?? [];
  for (const [index, name] of names.entries()) {
    if (name === undefined || names.indexOf(name) === index) continue;
    place.at(index).at("name").wrong(name, "a name that no other helper of this guest has");
  }
  return helpers;
}

function commandSchema(value: unknown, place: Place): string[] | undefined {
  if (!Array.isArray(value)) return place.wrong(value, "a list");
  programSchema(value[0], place.at(0));
  for (const [index, argument] of value.entries()) {
    if (index > 0) argumentSchema(argument, place.at(index));
  }
  return [...value];
}

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
