import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { Verdict, VerdictCause } from "./verdict_types.ts";

/** A value that `JSON.stringify` writes as it is. */
export type VerdictJson = null | boolean | number | string | readonly VerdictJson[] | {
  readonly [key: string]: VerdictJson;
};

const CAUSES: Readonly<Record<VerdictCause, true>> = {
  "guest-shutdown": true,
  "guest-reset": true,
  "guest-panic": true,
  "watchdog": true,
  "io-error": true,
  "internal-error": true,
  "host-quit": true,
  "host-signal": true,
  "killed": true,
  "crashed": true,
  "launch-failed": true,
  "unresponsive": true,
  "lost": true,
};

/** Stands for a number that JSON, or JavaScript's reading of it, would not give back: an object with this one member. */
const EXACT = "$exact";

/**
 * Writes a verdict as JSON, from which {@linkcode verdictFromJson} makes the very same again.
 *
 * @param verdict The verdict.
 * @returns JSON, to be given to `JSON.stringify`. `at` is in ISO 8601; integers beyond 2^53 are `{"$exact": "..."}`.
 */
export function verdictToJson(verdict: Verdict): VerdictJson {
  return toJson({ ...verdict, at: verdict.at.toISOString() });
}

/**
 * Makes a verdict of its JSON.
 *
 * @param json What {@linkcode verdictToJson} wrote.
 * @returns The verdict.
 * @throws {TypeError} When it is no verdict; the error names what is wrong with it.
 */
export function verdictFromJson(json: unknown): Verdict {
  const found = fromJson(json);
  const wrong = isObject(found) ? wrongMember(found) : "it is no object";
  if (wrong !== null) throw new TypeError(`Cannot read a verdict from JSON: ${wrong}`);
  const checked = found as Omit<Verdict, "at"> & { at: string };
  return { ...checked, at: new Date(checked.at) };
}

function toJson(value: unknown): VerdictJson {
  switch (typeof value) {
    case "bigint":
      return { [EXACT]: `${value}n` };
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [EXACT]: Object.is(value, -0) ? "-0" : `${value}` };
    case "object":
      if (value === null) return null;
      if (Array.isArray(value)) return value.map(toJson);
      // A member may be called "__proto__", which an assignment would take for something else. One that looks like ours gets a sign more.
      return Object.fromEntries(
        Object.entries(value).filter(([, member]) => member !== undefined)
          .map(([key, member]) => [key.startsWith("$") ? `$${key}` : key, toJson(member)]),
      );
    case "string":
    case "boolean":
      return value;
    default:
      throw new TypeError(`Cannot write a verdict as JSON: it holds a ${typeof value}`);
  }
}

function fromJson(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const entries = Object.entries(json);
  if (entries.length === 1 && entries[0]?.[0] === EXACT) return exactNumber(entries[0][1]);
  return Object.fromEntries(
    entries.map(([key, member]) => [key.startsWith("$") ? key.slice(1) : key, fromJson(member)]),
  );
}

function exactNumber(text: unknown): number | bigint {
  if (typeof text === "string" && /^-?\d+n$/.test(text)) return BigInt(text.slice(0, -1));
  if (text === "-0" || text === "NaN" || text === "Infinity" || text === "-Infinity") return Number(text);
  throw new TypeError(`Cannot read a verdict from JSON: ${JSON.stringify({ [EXACT]: text })} is no number`);
}

type Members = Readonly<Record<string, unknown>>;

/** What is wrong with the first member that is not as a verdict has it. Which run states and reasons there are is QEMU's to say. */
function wrongMember(found: Members): string | null {
  const checks: Readonly<Record<keyof Verdict, boolean>> = {
    cause: typeof found.cause === "string" && Object.hasOwn(CAUSES, found.cause),
    detail: typeof found.detail === "string",
    at: typeof found.at === "string" && !Number.isNaN(Date.parse(found.at)),
    process: isOneOf(found.process, ["ended", "held", "running"]),
    exit: found.exit === null || isExit(found.exit),
    reason: found.reason === null || typeof found.reason === "string",
    tripleFault: isOneOf(found.tripleFault, [true, false, "unknown", null]),
    oomKill: isOneOf(found.oomKill, [true, false, "unknown", null]),
    intent: isOneOf(found.intent, ["none", "stop", "kill"]),
    rung: isOneOf(found.rung, ["powerdown", "agent", "quit", "sigterm", "sigkill", null]),
    stderrTail: typeof found.stderrTail === "string",
    consoleTail: typeof found.consoleTail === "string",
    events: Array.isArray(found.events) && found.events.every(isEvent),
  };
  const wrong = Object.entries(checks).find(([, isRight]) => !isRight)?.[0];
  return wrong === undefined ? null : `'${wrong}' is missing, or not what a verdict has there`;
}

function isOneOf(value: unknown, values: readonly unknown[]): boolean {
  return values.includes(value);
}

function isExit(value: unknown): boolean {
  return isObject(value) && typeof value.code === "number" &&
    (value.signal === null || typeof value.signal === "string");
}

function isEvent(value: unknown): value is AnyQmpEvent {
  return isObject(value) && typeof value.event === "string" && isObject(value.timestamp) &&
    typeof value.timestamp.seconds === "number" && typeof value.timestamp.microseconds === "number" &&
    (value.data === undefined || isObject(value.data));
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
