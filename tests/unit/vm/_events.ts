import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";

/** An event at a time in milliseconds. */
export function event(name: string, data?: Record<string, unknown>, atMs = 0): AnyQmpEvent {
  const seconds = Math.floor(atMs / 1000);
  const timestamp = { seconds, microseconds: Math.round((atMs - seconds * 1000) * 1000) };
  return { event: name, timestamp, ...(data ? { data } : {}) };
}

/** A SHUTDOWN with its reason, as QEMU says it. */
export function shutdown(reason: string): AnyQmpEvent {
  return event("SHUTDOWN", { guest: reason.startsWith("guest-"), reason });
}

/** A RESET with its reason. */
export function reset(reason: "guest-reset" | "host-qmp-system-reset", atMs = 0): AnyQmpEvent {
  return event("RESET", { guest: reason === "guest-reset", reason }, atMs);
}

/** A WATCHDOG with its action. */
export function watchdog(action: string): AnyQmpEvent {
  return event("WATCHDOG", { action });
}

export const STOP: AnyQmpEvent = event("STOP");
export const RESUME: AnyQmpEvent = event("RESUME");
export const PANICKED: AnyQmpEvent = event("GUEST_PANICKED", { action: "pause" });
