// The kernel's lines are taken out of what programs write, wherever they break in and however the text is cut into chunks.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type ConsolePiece,
  consolePieces,
  KernelLineFilter,
} from "../../../../src/testing/console/kernel_lines.ts";
import { cuts, kernelLine, programText } from "./_chunks.ts";

/** What programs wrote, and the kernel's lines. */
function parts(pieces: readonly ConsolePiece[]): { text: string; kernel: string[] } {
  return {
    text: pieces.map((piece) => piece.kind === "text" ? piece.text : "").join(""),
    kernel: pieces.flatMap((piece) => piece.kind === "kernel" ? [piece.line] : []),
  };
}

const TABLE: readonly [what: string, said: string, text: string, kernel: string[]][] = [
  ["there is none", "Debian GNU/Linux 12\r\nlogin: ", "Debian GNU/Linux 12\r\nlogin: ", []],
  ["one stands alone", "a\n[    1.234567] eth0: up\r\nb\n", "a\nb\n", ["[    1.234567] eth0: up"]],
  ["one breaks into a prompt", "log[    1.234567] eth0: up\r\nin: ", "login: ", ["[    1.234567] eth0: up"]],
  ["one follows a prompt", "login: [   12.000001] x\r\n", "login: ", ["[   12.000001] x"]],
  ["two break into the same word", "l[    1.000000] a\r\n[    1.000001] b\r\nogin", "login", [
    "[    1.000000] a",
    "[    1.000001] b",
  ]],
  [
    "one breaks into a line end",
    "a\r[    1.000000] x\r\n\nb",
    "a\r\nb",
    ["[    1.000000] x"],
  ],
  ["one breaks into an escape sequence", "\x1b[1;[    1.000000] x\r\n32mok", "\x1b[1;32mok", [
    "[    1.000000] x",
  ]],
  ["one follows a bare escape", "\x1b[    1.000000] x\r\n[mok", "\x1b[mok", ["[    1.000000] x"]],
  ["it has five places of seconds", "[12345.678901] x\n", "", ["[12345.678901] x"]],
  ["it has more", "[1234567.678901] x\n", "", ["[1234567.678901] x"]],
  ["it has a level and a caller", "a<6>[    1.000000][   T42] x\nb", "ab", ["<6>[    1.000000][   T42] x"]],
  ["it is empty", "[    1.000000] \r\nx", "x", ["[    1.000000] "]],
  ["another one breaks into it", "[    1.000000] dm[    9.000000] x\r\nesg\n", "esg\n", [
    "[    1.000000] dm",
    "[    9.000000] x",
  ]],
  ["its end is missing", "a[    1.000000] x", "a", ["[    1.000000] x"]],
  ["seconds are not padded", "took [1.234567] s\n", "took [1.234567] s\n", []],
  ["there are fewer digits", "[    1.2345] s\n", "[    1.2345] s\n", []],
  ["no blank follows", "[    1.234567]: s\n", "[    1.234567]: s\n", []],
  ["systemd tells of a unit", "[  OK  ] Started ssh\r\n", "[  OK  ] Started ssh\r\n", []],
  ["only half of a time has come", "x [    1.23", "x [    1.23", []],
];

Deno.test("KernelLineFilter gives programs' text and kernel lines apart", async (t) => {
  for (const [what, said, text, kernel] of TABLE) {
    await t.step(`when ${what}`, () => assertEquals(parts(consolePieces(said)), { text, kernel }));
  }
});

Deno.test("KernelLineFilter gives the same whatever chunks the text comes in", () => {
  const anything = fc.array(fc.oneof(programText, kernelLine.map(({ whole }) => whole)), { maxLength: 8 });
  fc.assert(
    fc.property(cuts(anything.map((all) => all.join(""))), ({ text, chunks }) => {
      const filter = new KernelLineFilter();
      const pieces = [...chunks.flatMap((chunk) => filter.push(chunk)), ...filter.end()];
      assertEquals(parts(pieces), parts(consolePieces(text)));
      // Every character is in one piece, at its place.
      let at = 0;
      for (const piece of pieces) {
        assertEquals(piece.at, at);
        at = piece.kind === "kernel" ? piece.end : at + piece.text.length;
      }
      assertEquals(at, text.length);
    }),
    { numRuns: 500 },
  );
});

Deno.test("KernelLineFilter gives back what programs wrote, wherever kernel lines break into it", () => {
  const broken = fc.tuple(programText, fc.array(fc.tuple(fc.nat(), kernelLine), { maxLength: 6 }));
  fc.assert(
    fc.property(broken, ([program, lines]) => {
      // Text that ends like half a time, right before the kernel's own, could be anybody's.
      fc.pre(
        consolePieces(program).every(({ kind }) => kind === "text") && !/[[<][ \d.>\]]*$/m.test(program),
      );
      const places = lines.map(([place, line]) => ({ at: place % (program.length + 1), line }))
        .filter(({ at }) => !/[[<][ \d.>\]]*$/.test(program.slice(0, at)))
        .sort((a, b) => a.at - b.at);
      let said = "";
      let done = 0;
      for (const { at, line } of places) {
        said += program.slice(done, at) + line.whole;
        done = at;
      }
      said += program.slice(done);
      const { text, kernel } = parts(consolePieces(said));
      assertEquals({ text, kernel }, { text: program, kernel: places.map(({ line }) => line.line) });
    }),
    { numRuns: 500 },
  );
});

Deno.test("KernelLineFilter holds back only what may become a kernel line", async (t) => {
  const table: readonly [said: string, held: string][] = [
    ["login: ", ""],
    ["[user@host ~]# ", ""],
    ["array[0] = ", ""],
    ["Overwrite? [", "["],
    ["a [  ", "[  "],
    ["a [    1.2345", "[    1.2345"],
    ["a <6", "<6"],
    ["a [    1.234567]", "[    1.234567]"],
    ["a [    1.234567][  ", "[    1.234567][  "],
    ["a [    1.234567] half a li", "[    1.234567] half a li"],
    ["a [    1.234567]x", ""],
    ["if (a < b", ""],
  ];
  for (const [said, held] of table) {
    await t.step(JSON.stringify(said), () => {
      const filter = new KernelLineFilter();
      filter.push(said);
      assertEquals(filter.held, held);
    });
  }
  await t.step("and no line that is longer than a kernel's", () => {
    const filter = new KernelLineFilter();
    filter.push(`[    1.234567] ${"x".repeat(5000)}`);
    assertEquals(filter.held, "");
  });
});
