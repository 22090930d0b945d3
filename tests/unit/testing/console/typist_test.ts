// Typing with the echo checked, into guests that lose characters: with a clock that only moves when the typist waits.
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ConsoleEchoError } from "../../../../src/testing/console/errors.ts";
import { typeLine, type TypistConsole } from "../../../../src/testing/console/typist.ts";

interface Guest {
  /** Whether the guest loses the character that is the so-manieth of all. */
  loses?: (count: number) => boolean;
  /** What it does with Ctrl-U. */
  erases?: "erases" | "shows" | "ignores";
  /** What it says instead of nothing when it is asked the so-manieth time. */
  prompt?: string;
  echo?: "echo" | "none";
}

/** A terminal: what is on its line, what it showed. */
class FakeTerminal implements TypistConsole {
  line = "";
  said = "login: ";
  elapsedMs = 0;
  writes = 0;
  readonly #guest: Guest;
  #count = 0;
  #changed = false;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  get place(): number {
    return this.said.length;
  }

  from(place: number): string {
    return this.said.slice(place);
  }

  now(): number {
    return this.elapsedMs;
  }

  write(text: string): Promise<void> {
    this.writes++;
    const { loses = () => false, erases = "erases", prompt = "", echo = "echo" } = this.#guest;
    if (this.writes === 1) this.#say(prompt);
    for (const char of text) {
      if (char === "\x15") {
        if (erases === "erases") {
          this.#say("\b \b".repeat(this.line.length));
          this.line = "";
        } else if (erases === "shows") this.#say("^U");
        continue;
      }
      if (loses(this.#count++)) continue;
      this.line += char;
      if (echo === "echo") this.#say(char);
    }
    return Promise.resolve();
  }

  change(ms: number): Promise<boolean> {
    const changed = this.#changed;
    this.#changed = false;
    if (!changed) this.elapsedMs += ms;
    return Promise.resolve(changed);
  }

  #say(text: string): void {
    this.said += text;
    if (text !== "") this.#changed = true;
  }
}

const LIMITS = { erase: "\x15", timeoutMs: 10_000 };

Deno.test("typeLine() has the guest's line as it was meant, whatever the guest loses", async () => {
  const lost = fc.array(fc.nat(40), { maxLength: 12 });
  const line = fc.constantFrom("uname -r", "aa", "echo aaaa aaaa", "x");
  await fc.assert(fc.asyncProperty(line, lost, async (line, lost) => {
    const terminal = new FakeTerminal({ loses: (count) => lost.includes(count) });
    await typeLine(terminal, line, { ...LIMITS, timeoutMs: 100_000 });
    assertEquals(terminal.line, line);
  }));
});

Deno.test("typeLine() types a line in one go into a guest that loses nothing, without waiting", async () => {
  const terminal = new FakeTerminal({});
  await typeLine(terminal, "uname -r", LIMITS);
  assertEquals([terminal.line, terminal.writes, terminal.elapsedMs], ["uname -r", 1, 0]);
});

Deno.test("typeLine() bears a prompt that comes late", async () => {
  const terminal = new FakeTerminal({ prompt: "\n# " });
  await typeLine(terminal, "uname -r", LIMITS);
  assertEquals([terminal.line, terminal.writes], ["uname -r", 1]);
});

Deno.test("typeLine() says what came instead when it does not come right in time", async () => {
  const terminal = new FakeTerminal({ loses: (count) => count % 4 === 3 });
  const error = await assertRejects(() => typeLine(terminal, "uname -r", LIMITS), ConsoleEchoError);
  assertEquals([error.line, error.elapsedMs >= 10_000, error.attempts > 1], ["uname -r", true, true]);
});

Deno.test("typeLine() says how to type into a guest that does not echo", async () => {
  const error = await assertRejects(
    () => typeLine(new FakeTerminal({ echo: "none" }), "uname -r", LIMITS),
    ConsoleEchoError,
    'nothing came back; if this guest does not echo, say echo: "none"',
  );
  assertEquals(error.heard, "");
});

Deno.test("typeLine() gives up when the guest shows Ctrl-U instead of erasing its line", async () => {
  const terminal = new FakeTerminal({ loses: (count) => count === 2, erases: "shows" });
  const error = await assertRejects(
    () => typeLine(terminal, "uname -r", LIMITS),
    ConsoleEchoError,
    'it was typed once in 650 ms, and what came instead is "unme -r"',
  );
  assertEquals(error.attempts, 1);
});

Deno.test("typeLine() gives up when the guest shows Ctrl-U late, although the echo is right then", async () => {
  /** Shows Ctrl-U only when more is typed after it. */
  class LateTerminal extends FakeTerminal {
    #late = "";
    override async write(text: string): Promise<void> {
      if (text === "\x15") {
        this.#late = "^U\n";
        return;
      }
      this.said += this.#late;
      this.#late = "";
      await super.write(text);
    }
  }
  const terminal = new LateTerminal({ loses: (count) => count === 2 });
  await assertRejects(() => typeLine(terminal, "uname -r", LIMITS), ConsoleEchoError, "it was typed 2 times");
});
