// What is measured of the host's accelerator when several ask at once.
import { assertEquals, assertMatch } from "@std/assert";
import { chooseAccel } from "../../mod.ts";

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs something with a run root of its own, so that nothing is known of this host yet. */
async function withRunRoot(root: string, act: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  Deno.env.set("XDG_RUNTIME_DIR", root);
  try {
    await act();
  } finally {
    if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before);
  }
}

Deno.test({
  name:
    "chooseAccel() remembers what it measured of each binary, those of one name too (where there is a /dev/kvm to measure)",
  ignore: !await isThere("/dev/kvm"),
  fn: async () => {
    const root = await Deno.makeTempDir();
    try {
      await withRunRoot(root, async () => {
        const binaries = ["a", "b"].map((dir) => `${root}/${dir}/qemu`);
        for (const binary of binaries) {
          await Deno.mkdir(binary.slice(0, -"/qemu".length));
          await Deno.writeTextFile(binary, "#!/bin/sh\nexit 3\n", { mode: 0o755 });
        }
        const choose = (binary: string) => chooseAccel("auto", { binary, arch: "x86_64", dir: root });
        for (const binary of binaries) assertMatch((await choose(binary)).reason, /exit code 3/);
        for (const binary of binaries) {
          assertMatch((await choose(binary)).reason, /exit code 3.*measured earlier since this boot/);
        }
      });
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test("chooseAccel() measures in a folder in which others measure at the same time, and leaves nothing there", async () => {
  const root = await Deno.makeTempDir();
  try {
    const dir = `${root}/shared`;
    await Deno.mkdir(dir);
    // It ends at once, so that all of them begin before the first one has been weighed.
    const request = { binary: "true", arch: "x86_64", dir } as const;
    await withRunRoot(root, async () => {
      const choices = await Promise.all(Array.from({ length: 4 }, () => chooseAccel("auto", request)));
      assertEquals(new Set(choices.map(({ accel }) => accel)).size, 1);
    });
    assertEquals(await Array.fromAsync(Deno.readDir(dir)), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
