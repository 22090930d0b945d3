import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { launchScript, shellLine } from "../../src/testing/evidence/shell_line.ts";

/** What a program sees of a line of shell. */
async function seenBy(script: string, args: string[] = []): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("sh", { args: ["-c", script, ...args] }).output();
  assertEquals(success, true, script);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

/** Words of every sign that a shell takes for something. */
const word = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."'\"\\$`!*?[]{}()<>|&;#~=,-\n\t "),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
}).filter((text) => !text.includes("\0") && text.isWellFormed());

Deno.test("shellLine() gives a shell's program the very words that it was made of", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(word, { maxLength: 6 }), { minLength: 20, maxLength: 20 }),
      async (lists) => {
        // Many in one shell: a start takes longer than all of them.
        const script = lists.map((words) => shellLine(["printf", "%s\\0", ...words, "end"])).join("\n");
        assertEquals(await seenBy(script), lists.flatMap((words) => [...words, "end"]));
      },
    ),
    { numRuns: 15 },
  );
});

Deno.test("shellLine() leaves plain words plain, so that a person can read the line", () => {
  assertEquals(
    shellLine(["qemu-system-x86_64", "-name", "guest=a", "-append", "console=ttyS0 quiet", ""]),
    "qemu-system-x86_64 -name guest=a -append 'console=ttyS0 quiet' ''",
  );
  assertEquals(shellLine(["A=b"]), "'A=b'", "it is a program here, not a variable");
});

Deno.test("launchScript() starts the program with the same words, its run directory being a new one, and without the tie", async () => {
  const dir = await Deno.makeTempDir();
  const program = `${dir}/a program`;
  await Deno.writeTextFile(program, `#!/bin/sh\nprintf '%s\\0' "$PWD" "$@"\n`, { mode: 0o755 });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (words) => {
        const argv = [
          program,
          "-pidfile",
          "/run/old/pid",
          "-chardev",
          "socket,id=tie,path=/run/old/tie,server=off",
          "-mon",
          "chardev=tie,mode=control",
          "-serial",
          "file:/run/old/a,path=/run/old/b c",
          ...words,
        ];
        const [cwd = "", ...seen] = await seenBy(launchScript(argv, "/run/old", "a guest\nwith two lines"), [
          "sh",
        ]);
        await Deno.remove(cwd);
        assertEquals(seen, ["-pidfile", `${cwd}/pid`, "-serial", `file:${cwd}/a,path=${cwd}/b c`, ...words]);
      }),
      { numRuns: 15 },
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launchScript() says that secrets have to be written, where there were some", () => {
  const argv = ["qemu", "-object", "secret,id=key,file=/run/old/key.secret"];
  assertStringIncludes(launchScript(argv, "/run/old", "it"), "Secrets are not kept");
  assertEquals(launchScript(["qemu"], "/run/old", "it").includes("Secrets"), false);
});
