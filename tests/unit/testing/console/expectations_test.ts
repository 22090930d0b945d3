// Who gets what, in which order.
import { assertEquals } from "@std/assert";
import { Expectations, type Wait, type WaitEnd } from "../../../../src/testing/console/expectations.ts";
import { PatternFinder } from "../../../../src/testing/console/pattern_finder.ts";

/** One that waits, and what it came to, in words. */
function wait(
  all: Expectations,
  pattern: string | RegExp,
  more: { channel?: Wait["channel"]; failOn?: (string | RegExp)[] } = {},
): string[] {
  const ends: string[] = [];
  const { channel = "text", failOn = [] } = more;
  all.add({
    channel,
    success: new PatternFinder(pattern),
    failOn: failOn.map((one) => ({ text: new PatternFinder(one), kernel: new PatternFinder(one) })),
    end: (end: WaitEnd) =>
      ends.push(end.kind === "match" ? `${end.match.before}|${end.match.text}` : `failed: ${end.text}`),
    refuse: () => ends.push("refused"),
    attempt: "wait",
  });
  return ends;
}

Deno.test("Expectations gives each what was said since the last match, in the order in which they asked", () => {
  const all = new Expectations();
  const [a, b] = [wait(all, "b"), wait(all, /a+/)];
  all.pushText("aa");
  all.serve();
  assertEquals([a, b], [[], []]); // the first one comes first
  all.pushText("b caa");
  all.serve();
  assertEquals([a, b], [["aa|b"], [" c|aa"]]);
});

Deno.test("Expectations serves those who wait for the kernel's lines apart from the others", () => {
  const all = new Expectations();
  const [text, kernel] = [wait(all, "login:"), wait(all, /eth0: (\w+)/, { channel: "kernel" })];
  all.pushText("eth0: text lo");
  all.pushKernel("[    1.000000] eth0: up");
  all.serve();
  assertEquals([text, kernel], [[], ["[    1.000000] |eth0: up"]]);
  all.pushText("gin: ");
  all.serve();
  assertEquals(text, ["eth0: text |login:"]);
});

Deno.test("Expectations fails a wait on what was said first, in the text or in the kernel's lines", () => {
  for (
    const [said, end] of [
      [["Login incorrect\nlogin:"], "failed: incorrect"],
      [["login: Login incorrect\n"], "|login:"],
      [["lo", "K error 5", "gin:"], "failed: error"],
      [["login:", "K error 5"], "|login:"],
    ] as const
  ) {
    for (const asked of ["before", "after"]) {
      const all = new Expectations();
      const ask = () => wait(all, "login:", { failOn: ["incorrect", /error/] });
      let ends = asked === "before" ? ask() : [];
      for (const part of said) {
        if (part.startsWith("K ")) all.pushKernel(part.slice(2));
        else all.pushText(part);
        all.serve();
      }
      if (asked === "after") ends = ask();
      all.serve();
      assertEquals(ends, [end], `${asked}: ${said.join("")}`);
    }
  }
});

Deno.test("Expectations fails nobody on what the kernel said before the last match", () => {
  const all = new Expectations();
  all.pushKernel("error 5");
  all.pushText("one two");
  const [one, two] = [wait(all, "one"), wait(all, "three", { failOn: ["error"] })];
  all.serve();
  assertEquals([one, two], [["|one"], []]);
});

Deno.test("Expectations gives nobody what was said after its limit", () => {
  const all = new Expectations();
  all.pushText("READY ");
  all.limit(all.place);
  all.pushText("login:");
  const [ready, login] = [wait(all, "READY"), wait(all, "login:")];
  all.serve();
  assertEquals([ready, login], [["|READY"], []]);
  all.limit(null);
  all.serve();
  assertEquals(login, [" |login:"]);
});

Deno.test("Expectations takes what is held back for text only when it is told to, and gives it once", () => {
  const all = new Expectations();
  const prompt = wait(all, "? [");
  all.pushText("Overwrite? ");
  all.serve();
  assertEquals(prompt, []);
  all.serve("[");
  assertEquals(prompt, ["Overwrite|? ["]);
  all.pushText("[y/N] ");
  const rest = wait(all, /.+/);
  all.serve();
  assertEquals(rest, ["|y/N] "]);
});

Deno.test("Expectations loses no text when what was held back has become the kernel's", () => {
  const all = new Expectations();
  const bracket = wait(all, /\[/);
  all.serve("[");
  assertEquals(bracket, ["|["]);
  all.pushKernel("[    1.000000] x");
  const word = wait(all, "word");
  all.pushText("word");
  all.serve();
  assertEquals(word, ["|word"]);
});

Deno.test("Expectations.passOver() leaves what was said to nobody", () => {
  const all = new Expectations();
  all.pushText("old ");
  all.passOver();
  const ends = wait(all, /\w+/);
  all.serve();
  assertEquals(ends, []);
  all.pushText("new.");
  all.serve();
  assertEquals(ends, ["|new"]);
});
