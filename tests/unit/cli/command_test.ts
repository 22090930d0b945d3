import { assertEquals, assertThrows } from "@std/assert";
import { checkOperands, numberOption, parseInvocation, UsageError } from "../../../src/cli/command.ts";

const command = {
  usage: ["FILE"],
  options: [
    { name: "json", description: "as JSON" },
    { name: "no-console", description: "without a console" },
    { name: "timeout", value: "SECONDS", description: "a time limit" },
    {
      name: "restart",
      value: "WHEN",
      choices: ["no", "always", "on-failure"],
      description: "when to restart",
    },
  ],
  operands: { min: 1, max: 2 },
  rest: "arguments for QEMU",
};
const parse = (...args: string[]) => parseInvocation(command, args);

Deno.test("parseInvocation() sorts operands, flags, values and what follows --", () => {
  const { operands, rest, flags, values } = parse(
    "a",
    "--json",
    "--timeout",
    "5",
    "0x10",
    "--no-console",
    "--",
    "-m",
    "--json",
  );

  assertEquals(operands, ["a", "0x10"]);
  assertEquals(rest, ["-m", "--json"]);
  assertEquals([...flags], ["json", "no-console"]);
  assertEquals([...values], [["timeout", "5"]]);
});

Deno.test("parseInvocation() takes a value with = and with a blank, and -h for --help", () => {
  assertEquals(
    parse("--timeout=5", "--restart", "always").values,
    new Map([["timeout", "5"], ["restart", "always"]]),
  );
  assertEquals([...parse("-h").flags], ["help"]);
});

Deno.test("parseInvocation() refuses what it does not know, and names the nearest that it does", () => {
  const cases: [string[], string][] = [
    [["--jsn"], "Unknown option --jsn, did you mean --json?"],
    [["--restrat", "always"], "Unknown option --restrat, did you mean --restart?"],
    [["--restrat=always"], "Unknown option --restrat, did you mean --restart?"],
    [["--console"], "Unknown option --console"],
    [["--zzzzzz"], "Unknown option --zzzzzz"],
    [["-x"], "Unknown option -x"],
    [["--a.b=c"], "Unknown option --a.b"],
    [["--timeout"], "--timeout needs a value: --timeout SECONDS"],
    [["--timeout", "--json"], "--timeout needs a value: --timeout SECONDS"],
    [["--timeout="], "--timeout needs a value: --timeout SECONDS"],
    [["--json=no"], "--json takes no value"],
    [
      ["--restart", "allways"],
      '--restart: expected one of no, always, on-failure, found "allways", did you mean always?',
    ],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => parse(...args), UsageError).message, message);
  }
});

Deno.test("parseInvocation() refuses -- where nothing may follow it", () => {
  assertThrows(() => parseInvocation({ options: [] }, ["--", "x"]), UsageError, "Nothing may follow --");
});

Deno.test("checkOperands() refuses too few and too many", () => {
  assertThrows(() => checkOperands(command, parse()), UsageError, "expected FILE");
  checkOperands(command, parse("a"));
  checkOperands(command, parse("a", "b"));
  assertThrows(() => checkOperands(command, parse("a", "b", "c")), UsageError, 'Unexpected argument "c"');
});

Deno.test("numberOption() reads seconds, and refuses what is none or more than a timer can wait", () => {
  assertEquals(numberOption(parse(), "timeout"), undefined);
  assertEquals(numberOption(parse("--timeout", "1.5"), "timeout"), 1.5);
  assertEquals(numberOption(parse("--timeout=0"), "timeout"), 0);
  for (const text of ["x", "1s", "1e9", "0x10", "=-1", "2147484", "."]) {
    assertThrows(
      () => numberOption(parse(`--timeout=${text}`), "timeout"),
      UsageError,
      "--timeout: expected",
    );
  }
});
