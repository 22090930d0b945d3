import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Journal, readJournal, StateError } from "../../src/supervisor/store/mod.ts";
import { entry, StateDir } from "./_store.ts";

/** Has files of this process take so many bytes at most, until it is disposed of: a disk that is full, for everybody. */
async function limitFileSize(bytes: number): Promise<AsyncDisposable> {
  // Without a listener the signal would end the process.
  const listener = () => {};
  Deno.addSignalListener("SIGXFSZ", listener);
  await prlimit(`${bytes}`);
  return {
    async [Symbol.asyncDispose]() {
      await prlimit("");
      Deno.removeSignalListener("SIGXFSZ", listener);
    },
  };
}

/** Sets the soft limit; empty for the hard one's value. */
async function prlimit(soft: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("prlimit", {
    args: ["--pid", `${Deno.pid}`, `--fsize=${soft === "" ? "unlimited" : `${soft}:`}`],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
}

Deno.test("Journal.append() writes lines in the order of the calls, and readJournal() reads them", async () => {
  await using dir = await StateDir.make();
  await using journal = await Journal.open(dir.path);
  assertEquals(journal.tail(), { seq: 0, entry: null });
  const entries = Array.from(
    { length: 50 },
    (_, index) => entry(index + 1, { report: { text: "ä\n\u2028" } }),
  );
  assertEquals(await Promise.all(entries.map((one) => journal.append(one))), entries.map(() => "written"));
  assertEquals(await dir.journal(), entries);
  assertEquals(journal.tail(), { seq: 50, entry: entries[49] ?? null });
  assertEquals((await dir.read("journal.jsonl")).split("\n").length, 51);
  assertEquals((await Deno.stat(`${dir.path}/journal.jsonl`)).mode, 0o100600);
});

Deno.test("Journal.append() writes several at once, and of several that the disk does not take those for which there is room", async () => {
  await using dir = await StateDir.make();
  await using journal = await Journal.open(dir.path);
  assertEquals(await journal.append(entry(1), entry(2), entry(3)), "written");
  assertEquals(await dir.numbers(), [1, 2, 3]);
  assertEquals(journal.tail(), { seq: 3, entry: entry(3) });
  {
    await using _limit = await limitFileSize(5 * JSON.stringify(entry(1)).length);
    assertEquals(await journal.append(entry(4), entry(5), entry(6)), "lost");
  }
  assertEquals([journal.lost, journal.has(4), journal.has(5)], [2, true, false]);
  await journal.append(entry(7), entry(8));
  assertEquals(await dir.numbers(), [1, 2, 3, 4, "gap 5-6", 7, 8]);
});

Deno.test("Journal.append() keeps the order of the calls while files are begun", async () => {
  await using dir = await StateDir.make();
  await using journal = await Journal.open(dir.path, { maxBytes: 500, keep: 1_000 });
  const seqs = Array.from({ length: 60 }, (_, index) => index + 1);
  await Promise.all(seqs.map((seq) => journal.append(entry(seq))));
  assertEquals(await dir.numbers(), seqs);
});

Deno.test("Journal.open() goes on where the last one ended", async () => {
  await using dir = await StateDir.make();
  for (const seq of [1, 2, 3]) {
    await using journal = await Journal.open(dir.path);
    assertEquals(journal.tail().seq, seq - 1);
    await journal.append(entry(seq));
    await journal.sync();
  }
  assertEquals(await dir.numbers(), [1, 2, 3]);
});

Deno.test("Journal.open() cuts off a line that was torn, however much of it is there", async (t) => {
  const whole = `${JSON.stringify(entry(1))}\n`;
  const torn = JSON.stringify(entry(2, { report: "x".repeat(3_000_000) }));
  for (
    const [what, left] of [["nothing", ""], ["a byte", "{"], ["all but its end", torn], [
      "zeros",
      "\0".repeat(5_000),
    ]]
  ) {
    await t.step(`${what}`, async () => {
      await using dir = await StateDir.make();
      await dir.write("journal.jsonl", whole + left);
      assertEquals(await dir.numbers(), [1]);
      await using journal = await Journal.open(dir.path);
      assertEquals([journal.tail().seq, journal.has(1), journal.has(2)], [1, true, false]);
      assertEquals(await dir.read("journal.jsonl"), whole);
      await journal.append(entry(2));
      assertEquals(await dir.numbers(), [1, 2]);
    });
  }
  await t.step("the only line", async () => {
    await using dir = await StateDir.make();
    await dir.write("journal.jsonl", torn);
    await using journal = await Journal.open(dir.path);
    assertEquals(journal.tail().seq, 0);
    assertEquals(await dir.read("journal.jsonl"), "");
  });
});

Deno.test("Journal begins a new file when one is full, keeps so many, and has them read in order", async () => {
  await using dir = await StateDir.make();
  const bytes = JSON.stringify(entry(1)).length + 1;
  const options = { maxBytes: 2 * bytes, keep: 2 };
  {
    await using journal = await Journal.open(dir.path, options);
    for (const seq of [1, 2, 3, 4, 5]) await journal.append(entry(seq));
    assertEquals(await dir.files(), ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]);
    assertEquals(await dir.numbers(), [1, 2, 3, 4, 5]);
  }
  await using journal = await Journal.open(dir.path, options);
  for (const seq of [6, 7, 8, 9]) await journal.append(entry(seq));
  assertEquals(await dir.files(), ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]);
  assertEquals(await dir.numbers(), [5, 6, 7, 8, 9]);
  assertEquals((await Array.fromAsync(readJournal(`${dir.path}/journal.1.jsonl`))).length, 2);
  assertEquals(await Array.fromAsync(readJournal(`${dir.path}/journal.jsonl`)), await dir.journal());
  await journal.sync();
  // What was rotated away was there once; the next one has only the numbers of what is left to know it by.
  await using next = await Journal.open(dir.path, options);
  for (const one of [journal, next]) {
    assertEquals([1, 4, 9, 10].map((seq) => one.has(seq)), [true, true, true, false]);
  }
});

Deno.test("Journal keeps no full file where none is to be kept, and writes a line that is longer than a file", async () => {
  await using dir = await StateDir.make();
  await using journal = await Journal.open(dir.path, { maxBytes: 100, keep: 0 });
  for (const seq of [1, 2, 3]) await journal.append(entry(seq, { report: "x".repeat(500) }));
  assertEquals(await dir.files(), ["journal.jsonl"]);
  assertEquals(await dir.numbers(), [3]);
});

Deno.test("Journal takes up a rotation that was cut short, and loses no file", async () => {
  await using dir = await StateDir.make();
  for (const [file, seq] of [["journal.3", 1], ["journal.2", 2], ["journal", 3]] as const) {
    await dir.write(`${file}.jsonl`, `${JSON.stringify(entry(seq))}\n`);
  }
  await using journal = await Journal.open(dir.path, { maxBytes: 100, keep: 3 });
  await journal.append(entry(4));
  assertEquals(await dir.files(), ["journal.1.jsonl", "journal.2.jsonl", "journal.3.jsonl", "journal.jsonl"]);
  assertEquals(await dir.numbers(), [1, 2, 3, 4]);
});

Deno.test("Journal.has() knows the last entries of a long journal, out of order or not, and takes older ones for written", async () => {
  await using dir = await StateDir.make();
  {
    await using journal = await Journal.open(dir.path);
    // More than is looked at when it is opened, with the last numbers swapped and one missing.
    const seqs = Array.from({ length: 20_000 }, (_, index) => index + 1);
    for (const seq of [...seqs, 20_003, 20_002, 20_005]) void journal.append(entry(seq));
  }
  await using journal = await Journal.open(dir.path);
  assertEquals(journal.tail().seq, 20_005);
  assertEquals(
    [1, 10_000, 20_000, 20_001, 20_002, 20_003, 20_004, 20_005, 20_006].map((seq) => journal.has(seq)),
    [true, true, true, false, true, true, false, true, false],
  );
});

Deno.test("Journal.ownUp() has a gap where a writer died before it had written what others came after", async () => {
  await using dir = await StateDir.make();
  {
    await using journal = await Journal.open(dir.path);
    for (const seq of [1, 4, 3, 7]) await journal.append(entry(seq));
  }
  for (const _again of [1, 2]) {
    await using journal = await Journal.open(dir.path);
    await journal.ownUp();
    assertEquals(await dir.numbers(), [1, 4, 3, 7, "gap 2-6"]);
    assertEquals([journal.tail().seq, journal.has(5), journal.has(8)], [7, true, false]);
  }
  const gap = (await dir.journal()).at(-1);
  assert(gap !== undefined && "gap" in gap);
  assertEquals(gap.gap.lost, 3);
});

Deno.test("Journal.ownUp() has nothing to say of a journal whose beginning was rotated away, or that is whole", async () => {
  await using dir = await StateDir.make();
  {
    await using journal = await Journal.open(dir.path, { maxBytes: 500, keep: 1 });
    for (let seq = 1; seq <= 20; seq++) await journal.append(entry(seq));
  }
  await using journal = await Journal.open(dir.path, { maxBytes: 500, keep: 1 });
  await journal.ownUp();
  assertEquals((await dir.numbers()).filter((number) => typeof number === "string"), []);
});

Deno.test("Journal goes on when the disk is full, tells of it once, and has a gap where entries are missing", async () => {
  await using dir = await StateDir.make();
  const told: (string | null)[] = [];
  const onTrouble = (error: StateError | null) => told.push(error && error.message);
  {
    await using journal = await Journal.open(dir.path, { onTrouble });
    await journal.append(entry(1));
    {
      await using _limit = await limitFileSize(JSON.stringify(entry(1)).length + 20);
      const lost = await Promise.all([2, 3, 4].map((seq) => journal.append(entry(seq))));
      assertEquals(lost, ["lost", "lost", "lost"]);
      assertEquals([journal.lost, journal.has(2)], [3, false]);
      assertEquals(told.length, 1);
      assertStringIncludes(
        `${told[0]}`,
        `Cannot write to the journal ${dir.path}/journal.jsonl: File too large (os error 27); raise the limit`,
      );
      assertEquals(await dir.numbers(), [1]);
    }
    assertEquals(await journal.append(entry(5)), "written");
    assertEquals(told.slice(1), [null]);
    assertEquals(await dir.numbers(), [1, "gap 2-4", 5]);
    {
      await using _limit = await limitFileSize(10);
      assertEquals(await journal.append(entry(6)), "lost");
    }
    // Its end says what is missing, if nothing else does.
  }
  const gaps = (await dir.journal()).flatMap((line) => "gap" in line ? [line.gap] : []);
  const error = "File too large (os error 27); raise the limit on the size of files (ulimit -f)";
  assertEquals(gaps, [{ lost: 3, firstSeq: 2, lastSeq: 4, error }, {
    lost: 1,
    firstSeq: 6,
    lastSeq: 6,
    error,
  }]);
  await using next = await Journal.open(dir.path);
  assertEquals([next.tail().seq, next.has(3), next.has(6), next.has(7)], [6, true, true, false]);
});

/** Mounts a small disk; whether that was permitted. */
async function mountSmall(dir: string): Promise<boolean> {
  const args = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir];
  return (await new Deno.Command("mount", { args, stderr: "null" }).output()).success;
}

async function mayMount(): Promise<boolean> {
  await using dir = await StateDir.make();
  if (!await mountSmall(dir.path)) return false;
  await new Deno.Command("umount", { args: [dir.path] }).output();
  return true;
}

// Only root may mount, and in a container not even root.
const MAY_MOUNT = await mayMount();

Deno.test({
  name: `Journal goes on when its disk is full, a real one${
    MAY_MOUNT ? "" : " (mounting is not permitted here)"
  }`,
  ignore: !MAY_MOUNT,
  async fn() {
    await using dir = await StateDir.make();
    assert(await mountSmall(dir.path));
    try {
      await dir.write("other", "x".repeat(16 * 1024));
      await using journal = await Journal.open(dir.path);
      const big = (seq: number) => entry(seq, { report: "x".repeat(1_000) });
      const results: string[] = [];
      for (let seq = 1; seq <= 100; seq++) results.push(await journal.append(big(seq)));
      const written = Array.from({ length: results.indexOf("lost") }, (_, index) => index + 1);
      assert(written.length > 0 && journal.lost === 100 - written.length, `${results}`);
      assertEquals(await dir.numbers(), written);

      await Deno.remove(`${dir.path}/other`);
      assertEquals(await journal.append(big(101)), "written");
      const [gap] = (await dir.journal()).slice(written.length);
      assertEquals(gap && "gap" in gap && gap.gap, {
        lost: 100 - written.length,
        firstSeq: written.length + 1,
        lastSeq: 100,
        error: "No space left on device (os error 28); make room on its disk",
      });
      assertEquals((await dir.numbers()).at(-1), 101);
    } finally {
      await new Deno.Command("umount", { args: [dir.path] }).output();
    }
  },
});

Deno.test("Journal writes on in a file that is too large when no new one can be begun, and says so", async () => {
  await using dir = await StateDir.make();
  const told: (string | null)[] = [];
  await using journal = await Journal.open(dir.path, {
    maxBytes: 100,
    keep: 1,
    onTrouble: (error) => told.push(error && error.message),
  });
  await journal.append(entry(1));
  await Deno.mkdir(`${dir.path}/journal.1.jsonl/full`, { recursive: true });
  assertEquals(await journal.append(entry(2)), "written");
  assertEquals(told.length, 1);
  assertStringIncludes(`${told[0]}`, `Cannot begin a new file of the journal ${dir.path}/journal.jsonl: `);
  assertEquals((await dir.read("journal.jsonl")).split("\n").length, 3);
});

Deno.test("readJournal() names file and line of what it can't understand, or goes on when it has somebody to tell", async () => {
  await using dir = await StateDir.make();
  const line = (seq: number) => `${JSON.stringify(entry(seq))}\n`;
  await dir.write("journal.1.jsonl", `${line(1)}nonsense\n${line(2)}{"seq":3`);
  await dir.write("journal.jsonl", `${line(4)}{"seq":"5"}\n`);
  const first =
    `Cannot read line 2 of the journal ${dir.path}/journal.1.jsonl: it is neither an entry nor a gap: "nonsense"`;
  const error = await assertRejects(() => dir.journal(), StateError);
  assertEquals(error.message, first);

  const told: string[] = [];
  const read = await Array.fromAsync(
    readJournal(dir.path, { onBroken: (error) => told.push(error.message) }),
  );
  assertEquals(read, [entry(1), entry(2), entry(4)]);
  assertEquals(told.map((message) => /line (\d) of the journal .*\/(\S+):/.exec(message)?.slice(1)), [
    ["2", "journal.1.jsonl"],
    ["4", "journal.1.jsonl"],
    ["2", "journal.jsonl"],
  ]);
});

Deno.test("readJournal() says what to name where there is no journal", async () => {
  await using dir = await StateDir.make();
  for (const path of [dir.path, `${dir.path}/journal.jsonl`, `${dir.path}/elsewhere`]) {
    await assertRejects(
      () => Array.fromAsync(readJournal(path)),
      StateError,
      `Cannot read the journal ${path}: there is none; name a supervisor's state directory, or the journal.jsonl in it`,
    );
  }
});

Deno.test("readJournal() reads each entry once while they are written and files begun", async () => {
  await using dir = await StateDir.make();
  await using journal = await Journal.open(dir.path, { maxBytes: 400, keep: 10_000 });
  await journal.append(entry(1));
  let writing: "on" | "over" = "on";
  const writer = (async () => {
    for (let seq = 2; writing === "on"; seq++) await journal.append(entry(seq));
  })();
  try {
    for (let round = 0; round < 20; round++) {
      const numbers = await dir.numbers();
      assertEquals(numbers, Array.from(numbers, (_, index) => index + 1));
    }
  } finally {
    writing = "over";
    await writer;
  }
});

Deno.test("Journal refuses to write once it is closed", async () => {
  await using dir = await StateDir.make();
  const journal = await Journal.open(dir.path);
  const last = journal.append(entry(1));
  await Promise.all([journal[Symbol.asyncDispose](), journal[Symbol.asyncDispose]()]);
  assertEquals(await last, "written");
  await assertRejects(() => journal.append(entry(2)), TypeError, "it is closed");
  assertEquals(await dir.numbers(), [1]);
});

Deno.test("Journal.open() says why there can be none", async () => {
  await using dir = await StateDir.make();
  await Deno.mkdir(`${dir.path}/journal.jsonl`);
  await assertRejects(
    () => Journal.open(dir.path),
    StateError,
    `Cannot open the journal ${dir.path}/journal.jsonl: `,
  );
});
