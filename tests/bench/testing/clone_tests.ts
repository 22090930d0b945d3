import { assertEquals, assertMatch } from "@std/assert";
import { snapshotFixture } from "../../../src/testing/mod.ts";
import { linuxIn, untilReady } from "./linux.ts";

/** How many tests there are in all. */
export const TESTS = 100;

/** What the benchmark tells its tests, in the environment. */
export const DIR_VARIABLE = "QEEPER_BENCH_DIR";
export const RAM_VARIABLE = "QEEPER_BENCH_RAM";
export const COUNT_VARIABLE = "QEEPER_BENCH_COUNT";
export const WAY_VARIABLE = "QEEPER_BENCH_WAY";

/**
 * Defines tests that each have a clone of the same Linux: each asks it for its name, writes to the disk where no other test does, and finds
 * nothing else there.
 *
 * @param part Which part of the tests.
 * @param parts How many parts there are.
 */
export function defineCloneTests(part: number, parts: number): void {
  const dir = Deno.env.get(DIR_VARIABLE) ?? "";
  const count = Number(Deno.env.get(COUNT_VARIABLE) ?? TESTS);
  const way = Deno.env.get(WAY_VARIABLE) === "boot" ? "boot" : "memory";
  const linux = snapshotFixture(() => linuxIn(dir), untilReady, {
    dir: `${dir}/templates`,
    ramDir: Deno.env.get(RAM_VARIABLE) ?? dir,
    way,
  });
  for (let index = part; index < count; index += parts) {
    Deno.test(`clone ${index} has a disk of its own`, async () => {
      await using vm = await linux.clone();
      const { stdout } = await vm.run(
        `uname -r; echo test-${index} | dd of=/dev/vda bs=512 seek=${index} conv=notrunc 2>/dev/null; sync; ` +
          "head -c 64k /dev/vda | tr -d '\\0'",
      );
      const [release = "", ...written] = stdout.trimEnd().split("\n");
      assertMatch(release, /^\d+\.\d+/);
      assertEquals(written, [`test-${index}`]);
      assertEquals(linux.how?.way, way);
    });
  }
}
