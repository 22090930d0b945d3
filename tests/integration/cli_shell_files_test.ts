// The files that a shell writes: its history, and a transcript.
import { assert, assertEquals } from "@std/assert";
import { HISTORY_LINES, HistoryFile } from "../../src/cli/shell/history_file.ts";
import { openTranscript } from "../../src/cli/shell/transcript.ts";
import { modeOf } from "./_shell.ts";

/** A directory that goes with the test. */
async function inDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-files-" });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function added(path: string, lines: readonly string[]): Promise<void> {
  await using history = await HistoryFile.open(path);
  for (const line of lines) history.add(line);
}

const linesOf = async (path: string) => (await Deno.readTextFile(path)).split("\n").slice(0, -1);

Deno.test("HistoryFile has the lines of former shells, the newest first, and those of shells beside it in its file", async () => {
  await inDirectory(async (dir) => {
    const path = `${dir}/a/b/history`;
    await added(path, ["one", "two"]);
    await using first = await HistoryFile.open(path);
    assertEquals(first.lines, ["two", "one"]);
    await added(path, ["three"]);
    first.add("four");
    await first[Symbol.asyncDispose]();
    assertEquals(await linesOf(path), ["one", "two", "three", "four"]);
    assertEquals([await modeOf(path), await modeOf(`${dir}/a/b`)], [0o600, 0o700]);
  });
});

Deno.test("HistoryFile stays bounded, and drops what an older file holds and should not", async () => {
  await inDirectory(async (dir) => {
    const path = `${dir}/history`;
    const many = Array.from({ length: HISTORY_LINES * 2 }, (_, n) => `line-${n}`);
    await Deno.writeTextFile(path, [...many, "set_password password=x", "\x1b[2J", ""].join("\n"), {
      mode: 0o644,
    });
    await using history = await HistoryFile.open(path);
    assertEquals(history.lines.length, HISTORY_LINES);
    assertEquals(history.lines[0], `line-${HISTORY_LINES * 2 - 1}`);
    assertEquals(await linesOf(path), history.lines.toReversed());
    assertEquals(await modeOf(path), 0o600);
    assertEquals((await Array.fromAsync(Deno.readDir(dir))).length, 1, "no draft is left");
  });
});

Deno.test("HistoryFile says why it keeps nothing, and otherwise does no harm", async () => {
  await using nowhere = await HistoryFile.open("/dev/null/history");
  assert(nowhere.failure instanceof Error);
  nowhere.add("line");
  await using unwanted = await HistoryFile.open(null);
  unwanted.add("line");
  assertEquals([nowhere.lines, unwanted.lines, unwanted.failure], [[], [], null]);

  await inDirectory(async (dir) => {
    const path = `${dir}/history`;
    await using history = await HistoryFile.open(path);
    await Deno.mkdir(path);
    history.add("line");
    await history[Symbol.asyncDispose]();
    assert(history.failure instanceof Error, "what can't be written later on");
  });
});

Deno.test("openTranscript() appends, keeps the order of what is said, and tells once that it can't go on", async () => {
  await inDirectory(async (dir) => {
    const path = `${dir}/log`;
    for (const round of [1, 2]) {
      const failures: Error[] = [];
      await using transcript = await openTranscript(path, (error) => failures.push(error));
      for (let n = 0; n < 50; n++) {
        transcript.sent({ execute: "a", arguments: { n, round } });
        transcript.received({ return: "x\ny" });
      }
      transcript.note("two\nlines");
      assertEquals(failures, []);
    }
    const lines = await linesOf(path);
    assertEquals(lines.length, 202);
    assertEquals(lines.slice(-3).map((line) => line.slice(25)), [
      '> {"execute":"a","arguments":{"n":49,"round":2}}',
      '< {"return":"x\\ny"}',
      "# two / lines",
    ]);
    assertEquals(await modeOf(path), 0o600);
  });

  const failures: Error[] = [];
  {
    await using full = await openTranscript("/dev/full", (error) => failures.push(error));
    full.note("one");
    full.note("two");
  }
  assertEquals(failures.length, 1);
});
