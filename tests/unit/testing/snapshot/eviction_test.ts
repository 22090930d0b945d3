import { assertEquals } from "@std/assert";
import { planEviction, type StoredTemplate } from "../../../../src/testing/snapshot/eviction.ts";

const NOW_MS = 1_000_000;
const template = (key: string, bytes: number, idleMs: number): StoredTemplate => ({
  key,
  bytes,
  usedAtMs: NOW_MS - idleMs,
});
const plan = (templates: readonly StoredTemplate[], maxBytes: number, maxIdleMs = 1_000) => {
  const { idle, next, excessBytes } = planEviction(templates, { maxBytes, maxIdleMs, nowMs: NOW_MS });
  return { idle: idle.map(({ key }) => key), next: next.map(({ key }) => key), excessBytes };
};

Deno.test("planEviction() has nothing freed when all templates fit and are used", () => {
  const templates = [template("a", 40, 10), template("b", 60, 1_000)];
  assertEquals(plan(templates, 100), { idle: [], next: ["b", "a"], excessBytes: 0 });
});

Deno.test("planEviction() gives up what was used longest ago first when there is too much", () => {
  const templates = [template("new", 50, 1), template("old", 30, 900), template("middle", 40, 500)];
  assertEquals(plan(templates, 100), { idle: [], next: ["old", "middle", "new"], excessBytes: 20 });
});

Deno.test("planEviction() gives up what nobody has used for long even when there is room", () => {
  const templates = [template("idle", 1, 1_001), template("used", 1, 1_000)];
  assertEquals(plan(templates, 100), { idle: ["idle"], next: ["used"], excessBytes: 0 });
});

Deno.test("planEviction() does not count what goes anyway as an excess", () => {
  const templates = [template("idle", 80, 5_000), template("used", 60, 1)];
  assertEquals(plan(templates, 100), { idle: ["idle"], next: ["used"], excessBytes: 0 });
});
