import type { QmpEvents } from "../qapi/mod.ts";

/** When QEMU saw something happen, by the host's clock. Both are -1 where it could not read that clock. */
export interface QmpTimestamp {
  seconds: number;
  microseconds: number;
}

/** Any event, as it came off the wire; a QEMU newer than the types sends events that they don't know. */
export interface AnyQmpEvent {
  event: string;
  timestamp: QmpTimestamp;
  /** Absent where the event says nothing but its name. */
  data?: Record<string, unknown> | undefined;
}

/** What an event holds beside its name and its time. */
type EventData<Data> = [Data] extends [undefined] ? { data?: undefined } : { data: Data };

/**
 * An event by its name, or one of several: a union that `event` tells apart.
 *
 * @typeParam N The names; all known ones unless said.
 *
 * @example
 * ```ts
 * import type { QmpEvent } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const timestamp = { seconds: 1795252542, microseconds: 624491 };
 * const event: QmpEvent<"SHUTDOWN"> = {
 *   event: "SHUTDOWN",
 *   timestamp,
 *   data: { guest: true, reason: "guest-panic" },
 * };
 * assertEquals(event.data.reason, "guest-panic");
 * ```
 */
export type QmpEvent<N extends keyof QmpEvents = keyof QmpEvents> = EventOf<QmpEvents, N>;

/**
 * An event of a map of events, such as the `QmpEvents` that `qeeper types` writes for a QEMU.
 *
 * @typeParam Events The map: what each event carries, by its name.
 * @typeParam N The names; all of the map's unless said.
 *
 * @example
 * ```ts
 * import type { EventOf } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const event: EventOf<{ ACME_DONE: { jobs: number } }> = {
 *   event: "ACME_DONE",
 *   timestamp: { seconds: 1795252542, microseconds: 624491 },
 *   data: { jobs: 2 },
 * };
 * assertEquals(event.data.jobs, 2);
 * ```
 */
export type EventOf<Events, N extends keyof Events = keyof Events> = {
  [K in N]: { event: K; timestamp: QmpTimestamp } & EventData<Events[K]>;
}[N];

/** What QEMU says first on each connection. */
export interface Greeting {
  version: {
    qemu: { major: number; minor: number; micro: number };
    /** The distributor's words, such as `Debian 1:7.2+dfsg-7`; empty where there are none. */
    package: string;
  };
  /** What may be enabled by `qmp_capabilities`, such as `oob`. */
  capabilities: readonly string[];
  /** The greeting as it came, the value of its `QMP` member. */
  raw: Readonly<Record<string, unknown>>;
}

/** What a message from QEMU is. `id` is whatever the command had, `undefined` where it had none or QEMU could not read it. */
export type QmpMessage =
  | { kind: "greeting"; greeting: Greeting }
  | { kind: "return"; id: unknown; value: unknown }
  | { kind: "error"; id: unknown; class: string; desc: string }
  | { kind: "event"; event: AnyQmpEvent }
  | { kind: "invalid"; reason: string };

type Members = Readonly<Record<string, unknown>>;

/**
 * Says what a decoded message means. Events are handed on as the very object that came, since there may be a million of them a
 * second.
 *
 * @param value One value of `QmpDecoder.push`.
 * @returns What it is; `invalid` for what is none of QMP's messages.
 *
 * @example
 * ```ts
 * import { classifyMessage } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(classifyMessage({ return: {}, id: 1 }), { kind: "return", id: 1, value: {} });
 * ```
 */
export function classifyMessage(value: unknown): QmpMessage {
  if (!isMembers(value)) return invalid("A message must be a JSON object");
  // First, and with few checks: only events come fast enough to matter.
  if (typeof value.event === "string") {
    if (isEvent(value)) return { kind: "event", event: value };
    return invalid(`The event "${value.event}" has no timestamp, or data that is no object`);
  }
  // `return` may hold any value, so its presence is what counts.
  if (Object.hasOwn(value, "return")) return { kind: "return", id: value.id, value: value.return };
  if (Object.hasOwn(value, "error")) return classifyError(value.id, value.error);
  if (Object.hasOwn(value, "QMP")) return classifyGreeting(value.QMP);
  return invalid("A message must have one of the members event, return, error and QMP");
}

function classifyError(id: unknown, error: unknown): QmpMessage {
  if (!isMembers(error) || typeof error.class !== "string" || typeof error.desc !== "string") {
    return invalid("An error reply must have a class and a desc");
  }
  return { kind: "error", id, class: error.class, desc: error.desc };
}

function classifyGreeting(raw: unknown): QmpMessage {
  if (!isMembers(raw) || !isMembers(raw.version)) return invalid("A greeting must have a version");
  const qemu = parseVersion(raw.version.qemu);
  if (qemu === null) {
    return invalid("A greeting's version must be like 7.2.22 or have major, minor and micro");
  }
  const capabilities = Array.isArray(raw.capabilities) ? raw.capabilities : [];
  return {
    kind: "greeting",
    greeting: {
      version: { qemu, package: typeof raw.version.package === "string" ? raw.version.package : "" },
      capabilities: capabilities.filter((name) => typeof name === "string"),
      raw,
    },
  };
}

/** Up to 0.12 the version was one string; from 0.13 on it has three numbers. */
function parseVersion(qemu: unknown): Greeting["version"]["qemu"] | null {
  if (typeof qemu === "string") {
    const parts = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(qemu);
    return parts && { major: Number(parts[1]), minor: Number(parts[2]), micro: Number(parts[3] ?? 0) };
  }
  if (!isMembers(qemu)) return null;
  const { major, minor, micro } = qemu;
  if (typeof major !== "number" || typeof minor !== "number" || typeof micro !== "number") return null;
  return { major, minor, micro };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `event` is known to be a string; what each reader relies on is looked at, no more. */
function isEvent(value: Members): value is Members & AnyQmpEvent {
  const { timestamp, data } = value;
  return isMembers(timestamp) && typeof timestamp.seconds === "number" &&
    typeof timestamp.microseconds === "number" && (data === undefined || isMembers(data));
}

function invalid(reason: string): QmpMessage {
  return { kind: "invalid", reason };
}
