import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isKept } from "../../../../src/cli/shell/history_file.ts";
import type { Completion } from "../../../../src/cli/shell/language/completion.ts";
import { LineEditor } from "../../../../src/cli/shell/line_editor.ts";
import { MemoryIo } from "../_memory_io.ts";
import { Screen } from "./_screen.ts";

const PROMPT = "(qmp) ";
const [UP, DOWN, LEFT, HOME, END] = ["\x1b[A", "\x1b[B", "\x1b[D", "\x1b[H", "\x1b[F"] as const;

/** An editor on a terminal in memory. */
class Desk implements AsyncDisposable {
  readonly io: MemoryIo;
  /** What the editor has said: lines as they are, `^C` and what it dropped, `end`. */
  readonly said: string[] = [];
  #editor: LineEditor | null = null;
  #changed = Promise.withResolvers<void>();

  private constructor(columns: number) {
    this.io = new MemoryIo({ stdin: true, stdout: true }, { columns });
  }

  static async open(
    { columns = 80, history = [], candidates = () => [] }: {
      columns?: number;
      history?: readonly string[];
      candidates?: (before: string) => readonly string[];
    } = {},
  ): Promise<Desk> {
    const desk = new Desk(columns);
    const complete = (before: string): Promise<Completion> => {
      desk.#say("tab");
      return Promise.resolve({
        typed: before.slice(before.lastIndexOf(" ") + 1),
        candidates: candidates(before),
      });
    };
    desk.#editor = await LineEditor.open(desk.io, {
      history,
      remembers: isKept,
      complete,
      handlers: {
        line: (text) => desk.#say(text),
        interrupted: (dropped) => desk.#say(`^C${dropped}`),
        ended: () => desk.#say("end"),
      },
    });
    desk.editor.prompt(PROMPT);
    return desk;
  }

  get editor(): LineEditor {
    if (this.#editor === null) throw new Error("The editor is not open yet");
    return this.#editor;
  }

  /** Types keys, and waits until the editor has said this many things. */
  async type(keys: string | Uint8Array, things: number): Promise<void> {
    this.io.type(keys);
    while (this.said.length < things) {
      await this.#changed.promise;
      this.#changed = Promise.withResolvers<void>();
    }
  }

  /** What comes of keys and Enter. */
  async line(keys: string): Promise<string | undefined> {
    await this.type(`${keys}\r`, this.said.length + 1);
    return this.said.at(-1);
  }

  /** Waits until all keys so far are obeyed and shown. */
  async settle(): Promise<Screen> {
    await this.type("\t", this.said.length + 1);
    this.said.pop();
    return await this.screen();
  }

  /** What is shown when the answer to TAB, and what is written, have had their turns. */
  async screen(): Promise<Screen> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return new Screen(this.io.stdout.columns?.() ?? 80).write(this.io.out);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.editor[Symbol.asyncDispose]();
    this.io.endInput();
  }

  #say(what: string): void {
    this.said.push(what);
    this.#changed.resolve();
  }
}

Deno.test("LineEditor obeys the keys that people know", async () => {
  await using desk = await Desk.open();
  const table: [keys: string, line: string][] = [
    ["abc", "abc"],
    [`ac${LEFT}b`, "abc"],
    [`bc${HOME}a${END}d`, "abcd"],
    ["bc\x01a\x05d", "abcd"],
    ["abc\x7f\x7f", "a"],
    [`abc${HOME}\x1b[3~`, "bc"],
    ["one two\x17", "one "],
    [`one two${LEFT}${LEFT}${LEFT}\x0b`, "one "],
    ["one two\x15", ""],
    ["one two three\x1bb\x1bb_", "one _two three"],
    [`one two${HOME}\x1bf_`, "one _two"],
    ["one two\x1b[1;5D\x1b[1;5D_", "_one two"],
    ["one two\x17\x19\x19", "one twotwo"],
    ["a\x02b\x06c", "bac"],
    ["日本語\x7f", "日本"],
    [`日語${LEFT}本`, "日本語"],
    ["é😀\x7f", "é"],
    ["é😀\x1b[D\x1b[Dx", "xé😀"],
  ];
  for (const [keys, line] of table) assertEquals(await desk.line(keys), line, JSON.stringify(keys));
});

Deno.test("LineEditor puts together a character whose bytes come one by one", async () => {
  await using desk = await Desk.open();
  for (const byte of new TextEncoder().encode("é日😀")) desk.io.type(Uint8Array.of(byte));
  assertEquals(await desk.line(""), "é日😀");
});

Deno.test("LineEditor brings back lines with Up and Down, those that begin as the line does, and no secrets", async () => {
  await using desk = await Desk.open({ history: ["query-status", "stop", "query-block"] });
  assertEquals(await desk.line(UP), "query-status");
  assertEquals(await desk.line(`${UP}${UP}`), "stop");
  assertEquals(await desk.line(`query-b${UP}`), "query-block");
  assertEquals(await desk.line(`${UP}${UP}${DOWN}`), "query-block");
  assertEquals(
    await desk.line("set_password protocol=vnc password=hunter2"),
    "set_password protocol=vnc password=hunter2",
  );
  assertEquals(await desk.line(" hidden"), " hidden");
  assertEquals(await desk.line(UP), "query-block");
});

Deno.test("LineEditor completes with TAB, and lists what there is at the second", async () => {
  const candidates = (before: string) =>
    ["query-block", "query-status"].filter((name) => name.startsWith(before));
  await using desk = await Desk.open({ columns: 40, candidates });
  // Over a slow line they come together.
  await desk.type("q\t\t", 2);
  const screen = await desk.screen();
  assertEquals(screen.lines.filter((line) => line !== ""), [
    "(qmp) query-",
    "query-block   query-status",
    "(qmp) query-",
  ]);
  await desk.type("s\t", 3);
  assertEquals(await desk.line(""), "query-status");
  assertEquals(await desk.line("pasted\twith a tab"), "pasted\twith a tab");
});

Deno.test("LineEditor draws on in the right row after a completion that went over the end of one", async () => {
  await using desk = await Desk.open({
    columns: 20,
    candidates: (before) => before === "q" ? ["query-migrate-capabilities"] : [],
  });
  await desk.type("q\t", 1);
  desk.io.type(`${HOME}_${END}!`);
  const screen = await desk.settle();
  assertEquals(screen.lines, ["(qmp) _query-migrate", "-capabilities!"]);
  await desk.editor.print("event\n");
  assertEquals((await desk.settle()).lines, ["event", "(qmp) _query-migrate", "-capabilities!"]);
});

Deno.test("LineEditor drops the line at Ctrl-C, and ends at Ctrl-D on an empty line or at the end of its input", async () => {
  await using desk = await Desk.open();
  await desk.type("abc\x03", 1);
  await desk.type("\x03", 2);
  await desk.type("a\x04b\r", 3);
  await desk.type("\x04", 4);
  assertEquals(desk.said, ["^Cabc", "^C", "ab", "end"]);
  assertEquals(new Screen(80).write(desk.io.out).lines.slice(0, 3), ["(qmp) abc^C", "(qmp) ^C", "(qmp) ab"]);
  assertEquals(desk.io.rawDepth, 0);
  await desk.editor.print("still here\n");
  assert(desk.io.out.endsWith("\r\nstill here\n"));

  await using other = await Desk.open();
  other.io.endInput();
  await other.type("", 1);
  assertEquals(other.said, ["end"]);
});

Deno.test("LineEditor gives the terminal back, and stops listening, when it is disposed of", async () => {
  await using desk = await Desk.open();
  desk.io.type("abc");
  await desk.settle();
  assertEquals([desk.io.rawDepth, desk.io.listeners], [1, 1]);
  await desk.editor[Symbol.asyncDispose]();
  desk.editor.leave();
  assertEquals([desk.io.rawDepth, desk.io.listeners], [0, 0]);
  desk.editor.prompt("late");
  await desk.editor.print("late\n");
  assertEquals(new Screen(80).write(desk.io.out).lines, ["(qmp) abc", "late", ""]);
});

Deno.test("LineEditor follows a terminal that gets another width", async () => {
  await using desk = await Desk.open({ columns: 30 });
  const line = "0123456789".repeat(4);
  desk.io.type(line);
  await desk.settle();
  const before = desk.io.out.length;
  desk.io.resize(20);
  await desk.settle();
  // Where the line's first row is then, the terminal decides: it is drawn anew from there.
  const drawn = new Screen(20).write("\n\n").write(desk.io.out.slice(before));
  assertEquals(drawn.lines.slice(0, 3), [`${PROMPT}01234567890123`, "45678901234567890123", "456789"]);
});

Deno.test("LineEditor.print() leaves prompt, line and cursor whole, whatever is being edited, on any width", async () => {
  const key = fc.constantFrom(
    "a",
    "b",
    " ",
    "日",
    LEFT,
    LEFT,
    HOME,
    END,
    "\x7f",
    "\x17",
    "\x0b",
    "long-word-in-one-go",
  );
  const step = fc.oneof(
    { weight: 5, arbitrary: key },
    {
      weight: 1,
      arbitrary: fc.constantFrom("event\n", "an event that is longer than the terminal is wide\n", "1\n2\n"),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 10, max: 30 }),
      async (steps, columns) => {
        await using desk = await Desk.open({ columns });
        let printed = "";
        const model = { line: "", cursor: 0 };
        for (const one of steps) {
          if (one.endsWith("\n")) {
            await desk.settle();
            await desk.editor.print(one);
            printed += one;
          } else {
            press(model, one);
            desk.io.type(one);
          }
        }
        const screen = await desk.settle();
        const above = new Screen(columns).write(printed);
        const expected = new Screen(columns).write(`${printed}${PROMPT}${model.line}`);
        assertEquals(screen.lines.join("\n").trimEnd(), expected.lines.join("\n").trimEnd());
        const before = new Screen(columns).write(`${printed}${PROMPT}${model.line.slice(0, model.cursor)}`);
        // Behind a full row the editor is at the beginning of the next one already.
        const [row, column] = before.cursor;
        assertEquals(screen.cursor, column === columns ? [row + 1, 0] : [row, column]);
        assert(screen.cursor[0] >= above.cursor[0]);
      },
    ),
    { numRuns: 60 },
  );
});

/** What a key does to a line. */
function press(model: { line: string; cursor: number }, key: string): void {
  const { line, cursor } = model;
  const [head, tail] = [line.slice(0, cursor), line.slice(cursor)];
  if (key === LEFT) model.cursor = Math.max(0, cursor - 1);
  else if (key === HOME) model.cursor = 0;
  else if (key === END) model.cursor = line.length;
  else if (key === "\x0b") model.line = head;
  else {
    const kept = key === "\x7f"
      ? head.slice(0, -1)
      : key === "\x17"
      ? head.replace(/(?:[^\w\s]+|\w+)?\s*$/, "")
      : head + key;
    model.line = kept + tail;
    model.cursor = kept.length;
  }
}
