import { MAX_TIMER_MS } from "../qmp/alarm.ts";
import { DUMP_FORMATS } from "../vm/mod.ts";
import type { ActionWord } from "./action.ts";
import { CAUSE_CLASSES, RESTARTED } from "./cause_table.ts";
import type { Backoff, OnStuck, OnUnreachable, Policy, RestartLimit, SupervisedVm } from "./spec.ts";

const DEFAULT_BACKOFF: Required<Backoff> = {
  initialMs: 100,
  factor: 2,
  maxMs: 30_000,
  jitter: 0.2,
  resetAfterMs: 60_000,
};
const DEFAULT_LIMIT: RestartLimit = { restarts: 5, withinMs: 60_000 };
const DEFAULT_ON_STUCK: Required<OnStuck> = { afterMs: 60_000, action: "report" };
const DEFAULT_ON_UNREACHABLE: Required<OnUnreachable> = { graceMs: 10_000 };

/** More than anybody has room for. */
const MOST_DUMPS = 10_000;

const WORDS: readonly ActionWord[] = ["restart", "reset", "resume", "preserve", "stop"];

/** Every key of a spec. */
const SPEC_KEYS = Object.keys(
  {
    config: 0,
    restart: 0,
    backoff: 0,
    limit: 0,
    onCause: 0,
    onStuck: 0,
    onUnreachable: 0,
    probes: 0,
    stop: 0,
  } satisfies Record<keyof SupervisedVm, 0>,
);

/**
 * Checks the policy of a spec, and fills in what it leaves out.
 *
 * @param spec The spec; its config is not looked at.
 * @returns The whole policy.
 * @throws {RangeError} When a number is out of its range; it names the number.
 * @throws {TypeError} When a word or a key is none that is known; it names it, and those that are.
 *
 * @example
 * ```ts
 * import { policyOf } from "@qeeper/qeeper";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(policyOf({ restart: "always" }).limit, { restarts: 5, withinMs: 60_000 });
 * assertThrows(() => policyOf({ limit: { restarts: -1, withinMs: 1_000 } }), RangeError, "limit.restarts");
 * ```
 */
export function policyOf(spec: Omit<SupervisedVm, "config">): Policy {
  checkKeys("a guest's spec", spec, SPEC_KEYS);
  checkKeys("'backoff'", spec.backoff, Object.keys(DEFAULT_BACKOFF));
  checkKeys("'limit'", spec.limit, Object.keys(DEFAULT_LIMIT));
  checkKeys("'onCause'", spec.onCause, Object.keys(CAUSE_CLASSES));
  checkKeys("'onStuck'", spec.onStuck, Object.keys(DEFAULT_ON_STUCK));
  checkKeys("'onUnreachable'", spec.onUnreachable, Object.keys(DEFAULT_ON_UNREACHABLE));
  checkKeys("'stop'", spec.stop, ["powerdownMs", "agentMs", "quitMs", "termMs"]);
  const { restart = "on-failure" } = spec;
  checkWord("restart", restart, Object.keys(RESTARTED));
  for (const [cause, action] of Object.entries(spec.onCause ?? {})) checkAction(`onCause.${cause}`, action);
  for (const [name, ms] of Object.entries(spec.stop ?? {})) checkRange(`stop.${name}`, ms, 0);
  const backoff = { ...DEFAULT_BACKOFF, ...spec.backoff };
  const limit = { ...DEFAULT_LIMIT, ...spec.limit };
  const onStuck = { ...DEFAULT_ON_STUCK, ...spec.onStuck };
  const onUnreachable = { ...DEFAULT_ON_UNREACHABLE, ...spec.onUnreachable };
  checkRange("backoff.initialMs", backoff.initialMs, 0, MAX_TIMER_MS);
  checkRange("backoff.factor", backoff.factor, 1);
  checkRange("backoff.maxMs", backoff.maxMs, backoff.initialMs, MAX_TIMER_MS);
  checkRange("backoff.jitter", backoff.jitter, 0, 1);
  checkRange("backoff.resetAfterMs", backoff.resetAfterMs, 0);
  checkRange("limit.restarts", limit.restarts, 0);
  if (!Number.isInteger(limit.restarts) && limit.restarts !== Infinity) {
    throw new RangeError(
      `Cannot supervise as 'limit.restarts' must be a whole number, or Infinity: current value is ${limit.restarts}`,
    );
  }
  checkRange("limit.withinMs", limit.withinMs, 0);
  checkRange("onStuck.afterMs", onStuck.afterMs, 0);
  checkWord("onStuck.action", onStuck.action, ["report", "restart", "preserve"]);
  checkRange("onUnreachable.graceMs", onUnreachable.graceMs, 0, MAX_TIMER_MS);
  return { restart, backoff, limit, onCause: structuredClone(spec.onCause ?? {}), onStuck, onUnreachable };
}

function checkAction(name: string, action: unknown): void {
  if (typeof action !== "object" || action === null) {
    return checkWord(name, action, [...WORDS, "{ dump, then }"]);
  }
  checkKeys(`'${name}'`, action, ["dump", "then"]);
  const { dump, then } = action as { dump?: unknown; then?: unknown };
  checkWord(`${name}.then`, then, WORDS);
  if (typeof dump !== "object" || dump === null) {
    throw new TypeError(
      `Cannot supervise as '${name}.dump' must be an object, such as {}: current value is ${
        JSON.stringify(dump)
      }`,
    );
  }
  checkKeys(`'${name}.dump'`, dump, ["dir", "format", "keep"]);
  const { dir, format = "elf", keep = 1 } = dump as { dir?: unknown; format?: unknown; keep?: unknown };
  if (dir !== undefined && (typeof dir !== "string" || dir === "" || dir.includes("\0"))) {
    throw new TypeError(
      `Cannot supervise as '${name}.dump.dir' must be the path of a directory: current value is ${
        JSON.stringify(dir)
      }`,
    );
  }
  checkWord(`${name}.dump.format`, format, DUMP_FORMATS);
  checkRange(`${name}.dump.keep`, keep, 1, MOST_DUMPS);
}

function checkRange(name: string, value: unknown, least: number, most: number = Infinity): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  const range = most === Infinity ? `a number of at least ${least}` : `a number from ${least} to ${most}`;
  throw new RangeError(`Cannot supervise as '${name}' must be ${range}: current value is ${value}`);
}

function checkWord(name: string, word: unknown, known: readonly string[]): void {
  if (typeof word === "string" && known.includes(word)) return;
  throw new TypeError(
    `Cannot supervise as '${name}' must be one of ${known.join(", ")}: current value is ${
      JSON.stringify(word)
    }`,
  );
}

/** An option that is passed over in silence is worse than one that is refused. */
function checkKeys(name: string, part: object | undefined, known: readonly string[]): void {
  for (const key of Object.keys(part ?? {})) {
    if (known.includes(key)) continue;
    throw new TypeError(
      `Cannot supervise as ${name} has no ${JSON.stringify(key)}; it has: ${known.join(", ")}`,
    );
  }
}
