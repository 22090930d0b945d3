import { assertEquals } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { findGuest, type GuestEvidence } from "../../../src/vm/found_guest.ts";
import { event, PANICKED, RESUME, shutdown } from "./_events.ts";

function at(ms: number): AnyQmpEvent {
  return event("STOP", undefined, ms);
}

function find(more: Partial<GuestEvidence>) {
  return findGuest({ status: "running", known: [], unseen: [], tripleFault: "unknown", ...more });
}

Deno.test("findGuest() finds no end of a guest that QEMU does not hold, and keeps what was seen of it", () => {
  for (const status of ["running", "paused", "prelaunch", "inmigrate", "suspended"]) {
    assertEquals(find({ status, known: [RESUME] }), { events: [RESUME], held: null });
  }
});

Deno.test("findGuest() finds the end that was seen before, with the events that led to it", () => {
  const known = [RESUME, PANICKED, at(1)];
  const { events, held } = find({ status: "guest-panicked", known, unseen: [event("RTC_CHANGE")] });
  assertEquals(events, known);
  assertEquals([held?.end.cause, held?.events, held?.stop, held?.tell], ["guest-panic", known, null, "yes"]);
});

Deno.test("findGuest() finds the end that nobody has seen yet, and names the STOP with which it will come again", () => {
  const unseen = [shutdown("guest-shutdown"), at(2)];
  const { events, held } = find({ status: "shutdown", known: [RESUME], unseen });
  assertEquals(events, [RESUME]);
  assertEquals([held?.end.cause, held?.end.reason], ["guest-shutdown", "guest-shutdown"]);
  assertEquals([held?.events, held?.stop], [[RESUME, ...unseen], at(2)]);
});

Deno.test("findGuest() goes by the run state where there is no recording", () => {
  assertEquals(find({ status: "watchdog" }).held?.end.cause, "watchdog");
  assertEquals(find({ status: "shutdown" }).held?.end.cause, "guest-shutdown");
  assertEquals(find({ status: "io-error" }).held?.end.cause, "io-error");
});

Deno.test("findGuest() leaves an end that the guest has left since to those who follow the events", () => {
  const reset = event("RESET", { guest: false, reason: "host-qmp-system-reset" });
  for (const next of [RESUME, reset]) {
    assertEquals(find({ status: "guest-panicked", unseen: [PANICKED, at(1), next] }).held, null);
    assertEquals(find({ status: "guest-panicked", known: [PANICKED, at(1)], unseen: [next] }).held, null);
  }
});

Deno.test("findGuest() asks for a triple fault only where the guest reset itself", () => {
  const of = (reason: string, tripleFault: GuestEvidence["tripleFault"]) =>
    find({ status: "shutdown", known: [shutdown(reason), at(1)], tripleFault }).held?.tripleFault;
  assertEquals(of("guest-reset", true), true);
  assertEquals(of("guest-reset", "unknown"), "unknown");
  assertEquals(of("guest-shutdown", true), null);
});

Deno.test("findGuest() keeps no more evidence than a verdict has, and none of what came after the end", () => {
  const known = Array.from({ length: 100 }, (_, ms) => event("RTC_CHANGE", {}, ms));
  const unseen = [PANICKED, at(200), event("VSERPORT_CHANGE", {}, 201)];
  const { events, held } = find({ status: "guest-panicked", known, unseen });
  assertEquals([events.length, held?.events.length], [32, 32]);
  assertEquals(held?.events.at(-1), at(200));
});
