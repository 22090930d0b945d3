import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { shellQuoted } from "../../src/cli/argv.ts";
import { main } from "../../src/cli/main.ts";
import { MemoryIo } from "../unit/cli/_memory_io.ts";

/** What a shell makes of a command line, word by word. */
async function shellWords(shell: string, line: string): Promise<string[]> {
  const script = `for word in ${line}; do printf '%s\\0' "$word"; done`;
  const { stdout } = await new Deno.Command(shell, { args: ["-c", script], stdin: "null" }).output();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

Deno.test("shellQuoted() leaves plain words alone and quotes the others", () => {
  assertEquals(shellQuoted("-drive"), "-drive");
  assertEquals(shellQuoted("if=none,file.filename=/a/b.img"), "if=none,file.filename=/a/b.img");
  assertEquals(shellQuoted(""), "''");
  assertEquals(shellQuoted("a b"), "'a b'");
  assertEquals(shellQuoted("it's"), `'it'\\''s'`);
  assertEquals(shellQuoted("a\x1b'\\0é\n"), `'a'"$(printf '\\033')"''\\''\\0é\n'`);
});

Deno.test("shellQuoted() comes out of a shell as it went in", async () => {
  // NUL is in no argument.
  const words = fc.sample(
    fc.string({ unit: "binary", minLength: 0 }).filter((text) => !text.includes("\0")),
    100,
  );
  const line = words.map(shellQuoted).join(" ");
  for (const shell of ["sh", "bash"]) assertEquals(await shellWords(shell, line), words);
  // What it prints can be looked at in a terminal.
  assertEquals(/(?![\n\t])\p{Cc}/u.test(line), false);
});

Deno.test("qeeper argv prints the command line, and starts and needs nothing", async () => {
  const file = await Deno.makeTempFile({ suffix: ".jsonc" });
  try {
    await Deno.writeTextFile(
      file,
      '{ "name": "a b", "kernel": "missing", "secrets": [{ "id": "s", "value": "hidden" }] }',
    );
    const line = async (...args: string[]) => {
      const io = new MemoryIo();
      const code = await main(["argv", file, ...args], io);
      return { code, out: io.out, err: io.err };
    };

    const { code, out, err } = await line();
    assertEquals([code, err], [0, ""]);
    assertEquals(out.split("\n").length, 2);
    assertStringIncludes(out, "qemu-system-x86_64 -nodefaults -no-user-config -S -name 'guest=a b'");
    assertStringIncludes(out, " -accel tcg ");
    assertStringIncludes(out, " -kernel /");
    assertStringIncludes(out, "path=/run/qeeper/vm/control");
    assertEquals(out.includes("hidden"), false);

    const words: string[] = JSON.parse((await line("--json")).out);
    assertEquals(words.map(shellQuoted).join(" ") + "\n", out);
    assertEquals(JSON.parse((await line("--json", "--accel", "kvm")).out)[words.indexOf("tcg")], "kvm");
    assertStringIncludes((await line("--run-dir", "/x/y")).out, "path=/x/y/control");
    assertEquals(JSON.parse((await line("--json", "--", "-bogus", "a,b")).out).slice(-2), ["-bogus", "a,b"]);

    for (
      const wrong of [["--shell", "--json"], ["--run-dir", "x"], ["--accel", "xen"], [
        `--run-dir=/${"x".repeat(107)}`,
      ]]
    ) {
      const refused = await line(...wrong);
      assertEquals([refused.out, refused.err === ""], ["", false], wrong.join(" "));
    }
  } finally {
    await Deno.remove(file);
  }
});
