import { assertEquals } from "@std/assert";
import type { JournalLine, JsonObject } from "../../../src/supervisor/store/mod.ts";
import { compareEnds, countKind, endsTold } from "../../chaos/ends_told.ts";

const line = (vm: string, report: JsonObject): JournalLine => ({ seq: 1, at: "", vm, run: null, report });

const lines: JournalLine[] = [
  line("g0", { kind: "guest-ended", verdict: { cause: "guest-reset", tripleFault: true } }),
  line("g1", { kind: "ended", verdict: { cause: "killed" } }),
  line("g0", { kind: "event", event: { event: "STOP" } }),
  { at: "", gap: { lost: 1, firstSeq: 1, lastSeq: 1, error: "" } },
  line("g0", { kind: "ended", verdict: { cause: "lost", tripleFault: null } }),
];

Deno.test("endsTold() has the ends of one guest, in order, and knows a triple fault", () => {
  assertEquals(endsTold(lines, "g0"), ["guest-ended guest-reset (triple fault)", "ended lost"]);
  assertEquals(endsTold(lines, "g2"), []);
});

Deno.test("countKind() counts the reports of one guest", () => {
  assertEquals([countKind(lines, "g0", "event"), countKind(lines, "g1", "event")], [1, 0]);
});

const table: [found: string[], told: string[], maybe: string[], wrong: boolean][] = [
  [[], [], [], false],
  [["ended killed"], ["ended killed"], [], false],
  [["ended killed"], [], [], true],
  [[], ["ended killed"], [], true],
  [["ended killed", "ended killed"], ["ended killed"], [], true],
  [["ended lost"], ["ended killed or ended lost"], [], false],
  [["ended lost"], ["ended killed"], [], true],
  [["b", "a"], ["a", "b"], [], true],
  [["a", "x", "b"], ["a", "b"], ["x"], false],
  [["a", "x", "x", "b"], ["a", "b"], ["x"], true],
  [["a", "a"], ["a"], ["a"], false],
];

for (const [found, told, maybe, wrong] of table) {
  const words = `[${found}] where it had to be [${told}]${maybe.length > 0 ? ` and may be [${maybe}]` : ""}`;
  Deno.test(`compareEnds() ${wrong ? "objects to" : "has nothing to say of"} ${words}`, () => {
    assertEquals(compareEnds(found, told, maybe) !== null, wrong);
  });
}
