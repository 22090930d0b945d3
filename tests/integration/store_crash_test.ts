// A process that dies while it writes: what the next one finds.
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { CRASH_POINTS, type CrashPoint, Journal, RecordStore } from "../../src/supervisor/store/mod.ts";
import { record } from "../unit/supervisor/store/_values.ts";
import { entry, StateDir, StoreScript } from "./_store.ts";

/** How long what a script does until a point is waited for by the one who started it. */
async function runUntilDeath(...args: string[]): Promise<string[]> {
  await using script = new StoreScript(...args);
  const said = await script.rest();
  assertEquals((await script.status).signal, "SIGKILL");
  return said;
}

/** What a guest's record is after a write of its second generation, or its removal, was cut short at a point. */
const RECORD_POINTS: Partial<
  Record<CrashPoint, { act: "write" | "remove"; left: number | null; leftover: boolean }>
> = {
  "record:before-write": { act: "write", left: 1, leftover: false },
  "record:before-fsync": { act: "write", left: 1, leftover: true },
  "record:before-rename": { act: "write", left: 1, leftover: true },
  "record:after-rename": { act: "write", left: 2, leftover: false },
  "record:before-remove": { act: "remove", left: 1, leftover: false },
  "record:after-remove": { act: "remove", left: null, leftover: false },
};

/** What is in the journal after three entries, a file each, were cut short at a point; `*2` is the second time it comes by. */
const JOURNAL_POINTS: Partial<
  Record<CrashPoint, readonly [time: string, entries: number[], files: string[]]>
> = {
  "journal:before-append": ["*3", [1, 2], ["journal.1.jsonl", "journal.jsonl"]],
  "journal:after-append": ["*3", [1, 2, 3], ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]],
  "journal:before-rotate": ["*2", [1, 2], ["journal.1.jsonl", "journal.jsonl"]],
  "journal:after-rotate": ["*2", [1, 2], ["journal.1.jsonl", "journal.2.jsonl"]],
};

for (const [point, { act, left, leftover }] of Object.entries(RECORD_POINTS)) {
  Deno.test(`a process that dies at ${point} leaves ${left === null ? "no record" : `generation ${left}, whole`}`, async () => {
    await using dir = await StateDir.make();
    const first = await RecordStore.open(dir.path);
    await first.write(record());
    assertEquals(await runUntilDeath(act, dir.path, point), []);
    assertEquals((await dir.files("vms")).includes("web.json.tmp"), leftover);

    const store = await RecordStore.open(dir.path);
    const { records, broken } = await store.list();
    assertEquals(broken, []);
    assertEquals(
      records.map(({ name, generation }) => [name, generation]),
      left === null ? [] : [["web", left]],
    );
    assertEquals(await dir.files("vms"), left === null ? [] : ["web.json"]);
    // And it goes on from there.
    await store.write(record({ generation: (left ?? 0) + 1, seq: 99 }));
    assertEquals((await store.list()).records.map(({ seq }) => seq), [99]);
  });
}

for (const [point, [time, entries, files]] of Object.entries(JOURNAL_POINTS)) {
  Deno.test(`a process that dies at ${point} leaves a journal that has each entry once`, async () => {
    await using dir = await StateDir.make();
    await runUntilDeath("append", dir.path, `${point}${time}`);
    assertEquals(await dir.files(), files);
    assertEquals(await dir.numbers(), entries);

    await using journal = await Journal.open(dir.path, { maxBytes: 100 });
    assertEquals(journal.tail().seq, entries.length);
    assertEquals([1, 2, 3].filter((seq) => journal.has(seq)), entries);
    for (const seq of [1, 2, 3, 4]) {
      if (!journal.has(seq)) await journal.append(entry(seq));
    }
    assertEquals(await dir.numbers(), [1, 2, 3, 4]);
  });
}

Deno.test("every crash point of records and journal has its test", () => {
  const tested = [...Object.keys(RECORD_POINTS), ...Object.keys(JOURNAL_POINTS)].sort();
  assertEquals(
    CRASH_POINTS.filter((point) => /^(?:record|journal):/.test(point)).toSorted(),
    tested as CrashPoint[],
  );
});

Deno.test("a process that is killed at any moment leaves whole records, and a journal that has each entry once", async () => {
  await using dir = await StateDir.make();
  let done = 0;
  for (const count of [1, 7, 20, 33, 60]) {
    await using script = new StoreScript("hammer", dir.path);
    for (let line = 0; line < count; line++) await script.line();
    done = Number((await script.kill()).at(-1) ?? done + count);
    await script.status;

    const numbers = await dir.numbers();
    assertEquals(numbers, Array.from(numbers, (_, index) => index + 1));
    assertGreaterOrEqual(numbers.length, done);
    assertLessOrEqual(numbers.length, done + 1);
    const { records: [found], broken } = await (await RecordStore.open(dir.path)).list();
    assertEquals(broken, []);
    assert(found);
    assertGreaterOrEqual(found.generation, numbers.length);
    assertLessOrEqual(found.generation, numbers.length + 1);
    assertEquals(String(found.lastReport).replace(/x*$/, ""), `${found.generation}`);
    // The next supervisor writes what the journal lacks.
    await using journal = await Journal.open(dir.path);
    assertEquals(journal.has(found.seq), found.generation === numbers.length);
    if (!journal.has(found.seq)) await journal.append(entry(found.seq));
    done = found.seq;
  }
});
