import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  ConsoleClosedError,
  ConsoleTimeoutError,
  earlyExitError,
  LaunchError,
  missingBinaryMessage,
  showPattern,
  unusableBinaryMessage,
} from "../../../src/vm/errors.ts";

const ARGV = ["qemu-system-x86_64", "-machine", "pc"];

Deno.test("earlyExitError() has QEMU's own words, its exit and its command line", () => {
  const stderr = "qemu-system-x86_64: -m 1T: one\nand two\n";
  const error = earlyExitError("web", ARGV, { code: 1, signal: null }, stderr);
  assertEquals(error.name, "LaunchError");
  assertEquals(
    error.message,
    'Cannot start VM "web": QEMU ended before it was ready (exit code 1); it said:\n' +
      "  qemu-system-x86_64: -m 1T: one\n  and two",
  );
  assertEquals([error.argv, error.exit, error.stderrTail], [ARGV, { code: 1, signal: null }, stderr]);
});

Deno.test("earlyExitError() says so when QEMU said nothing, and names the signal", () => {
  assertEquals(
    earlyExitError("web", ARGV, { code: 137, signal: "SIGKILL" }, "\n").message,
    'Cannot start VM "web": QEMU ended before it was ready (signal SIGKILL); it said nothing',
  );
  assertStringIncludes(earlyExitError("web", ARGV, null, "").message, "its exit status is not known");
});

Deno.test("earlyExitError() adds what is known to help", async (t) => {
  // QEMU's words as 7.2 and 10.0 have them.
  const hints: Record<string, RegExp> = {
    "unsupported machine type\nUse -machine help to list supported machines": /-machine help/,
    'unsupported machine type: "abacus"': /-machine help/,
    "Could not access KVM kernel module: Permission denied": /accel: "tcg"/,
    'Failed to get "write" lock\nIs another process using the image [a.img]?':
      /Another QEMU has this image open/,
    'Failed to get shared "write" lock': /Another QEMU has this image open/,
    "-device nope: 'nope' is not a valid device model name": /-device help/,
    "-bogus: invalid option": /too old for the option.*install.*bookworm-backports/,
    "-rtc bogus=1: Invalid parameter 'bogus'": /too old for the option/,
    "Property 'pc-i440fx-7.2-machine.bogus' not found": /too old for the option/,
    "-blockdev driver=file,bogus=1: Parameter 'bogus' is unexpected": /too old for the option/,
    "-netdev bogus,id=n: Parameter 'type' does not accept value 'bogus'": /too old for the option/,
    "Block format 'raw' does not support the option 'bogus'": /too old for the option/,
    "Failed to find an available port: Address already in use": /Leave the host port out/,
    "cannot set up guest memory 'pc.ram': Cannot allocate memory": /too little memory/,
  };
  for (const [words, hint] of Object.entries(hints)) {
    await t.step(words.split("\n")[0] ?? "", () => {
      const { message } = earlyExitError("web", ARGV, { code: 1, signal: null }, words);
      assertMatch(message.split("\n").at(-1) ?? "", hint);
      assertMatch(message, /[^.]$/);
    });
  }
  await t.step("and nothing where nothing is known", () => {
    const { message } = earlyExitError("web", ARGV, { code: 1, signal: null }, "out of luck");
    assertEquals(message.split("\n").at(-1), "  out of luck");
  });
});

Deno.test("earlyExitError() tells the starter's failure from QEMU's: QEMU never ran", async (t) => {
  const cases: [string, number, RegExp][] = [
    [
      "setpriv: failed to execute nope: No such file or directory",
      127,
      /there is no qemu-system-x86_64 .*apt-get/,
    ],
    [
      "setpriv: failed to execute /q: Permission denied",
      126,
      /can't be executed \(Permission denied\); make it/,
    ],
    ["sh: 1: exec: nope: not found", 127, /there is no qemu-system-x86_64 .*dnf install/],
    ["sh: 1: exec: /q: Permission denied", 126, /can't be executed \(Permission denied\)/],
    // Where sh is bash.
    ["sh: line 1: exec: nope: not found", 127, /there is no qemu-system-x86_64 .*pacman -S/],
    ["sh: line 1: /q: Permission denied", 126, /can't be executed \(Permission denied\)/],
  ];
  for (const [stderr, code, message] of cases) {
    await t.step(stderr, () => {
      const error = earlyExitError("web", ARGV, { code, signal: null }, `${stderr}\n`);
      assertMatch(error.message, message);
      assertEquals(error.exit, null);
    });
  }
  await t.step("and not by the words alone", () => {
    const error = earlyExitError("web", ARGV, { code: 1, signal: null }, "sh: 1: exec: nope: not found");
    assertEquals(error.exit, { code: 1, signal: null });
  });
});

Deno.test("the messages about a binary say what to do", () => {
  for (const manager of ["apt-get", "dnf", "pacman", "brew"]) {
    assertStringIncludes(missingBinaryMessage("web", "qemu-system-arm"), manager);
  }
  assertEquals(
    unusableBinaryMessage("web", "/q", "Exec format error"),
    'Cannot start VM "web": /q can\'t be executed (Exec format error); make it executable, or name another binary',
  );
});

Deno.test("LaunchError of a QEMU that never ran has neither exit nor words", () => {
  const error = new LaunchError("no", { argv: ARGV }, { cause: 1 });
  assertEquals([error.argv, error.exit, error.stderrTail, error.cause], [ARGV, null, "", 1]);
});

Deno.test("ConsoleTimeoutError shows the pattern and the end of what was heard", () => {
  assertEquals(
    new ConsoleTimeoutError(/login: $/i, 5, "").message,
    "The guest did not say /login: $/i on its console within 5 ms; since the last match it said nothing",
  );
  const error = new ConsoleTimeoutError("a\nb", 5, "x".repeat(500) + "end\n");
  assertMatch(error.message, /did not say "a\\nb" .* it said \.\.\."x{396}end\\n"$/);
  assertEquals([error.pattern, error.heard.length], ["a\nb", 504]);
});

Deno.test("ConsoleClosedError says what could not be done, and what was heard", () => {
  const error = new ConsoleClosedError("write to the console", "bye", { cause: 1 });
  assertEquals(
    error.message,
    "Cannot write to the console: the console has ended, as it does with QEMU; since the last match the guest said " +
      '"bye"',
  );
  assertEquals([error.heard, error.cause], ["bye", 1]);
});

Deno.test("showPattern() writes a pattern as TypeScript does", () => {
  assertEquals([showPattern('a"\n'), showPattern(/a\/b/g)], ['"a\\"\\n"', "/a\\/b/g"]);
});
