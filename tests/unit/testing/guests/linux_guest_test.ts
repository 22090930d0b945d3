import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { linuxGuest, LinuxGuestError } from "../../../../src/testing/guests/linux_guest.ts";
import { initScript } from "../../../../src/testing/guests/linux_init.ts";
import { loadOrder } from "../../../../src/testing/guests/linux_modules.ts";
import { type CpioEntry, unpackNewc } from "../../../../src/testing/guests/newc.ts";

const ASSETS = new URL("../../../testdata/linux_assets", import.meta.url).pathname;
const MODULES = { a_bus: [], b_disk: ["a_bus"], c_net: ["a_bus", "b_disk"] };

function textOf(entries: readonly CpioEntry[], path: string): string {
  const entry = entries.find((entry) => entry.path === path);
  assert(entry?.type === "file", `there is no file ${path}`);
  return typeof entry.data === "string" ? entry.data : new TextDecoder().decode(entry.data);
}

Deno.test("loadOrder() puts each module after those it needs, once", () => {
  assertEquals(loadOrder(["c-net", "b_disk"], MODULES), ["a_bus", "b_disk", "c_net"]);
  assertEquals(loadOrder([], MODULES), []);
});

Deno.test("loadOrder() names the module that is missing and those that are not", () => {
  assertThrows(
    () => loadOrder(["d_gpu"], MODULES),
    RangeError,
    'Cannot load the kernel module "d_gpu": the folder has only a_bus, b_disk, c_net',
  );
});

Deno.test("initScript() loads the modules in order and runs the extra commands before it is ready", () => {
  const script = initScript(["one", "two"], "echo EXTRA");
  assertStringIncludes(script, "for module in one two; do");
  assert(script.indexOf("echo EXTRA") < script.indexOf("GUEST-READY"));
});

Deno.test("linuxGuest() packs busybox, init, the modules with their needs, and the files", async () => {
  const guest = await linuxGuest({
    assetsDir: ASSETS,
    modules: ["b-disk"],
    files: { "/etc/motd": "hello", "opt/x/tool": Uint8Array.of(1, 2) },
    init: "echo EXTRA",
  });
  assertEquals(guest.kernel, `${ASSETS}/vmlinuz`);
  assertStringIncludes(guest.append, "console=ttyS0");
  const entries = unpackNewc(guest.initrd);
  assertEquals(textOf(entries, "bin/busybox"), "not really busybox\n");
  assertStringIncludes(textOf(entries, "init"), "for module in a_bus b_disk; do");
  assertStringIncludes(textOf(entries, "init"), "\necho EXTRA\n");
  assertEquals(textOf(entries, "lib/modules/a_bus.ko"), "a_bus\n");
  assertEquals(textOf(entries, "lib/modules/b_disk.ko"), "b_disk\n");
  assert(!entries.some(({ path }) => path === "lib/modules/c_net.ko"));
  assertEquals(textOf(entries, "etc/motd"), "hello");
  assertEquals(textOf(entries, "opt/x/tool"), "\x01\x02");
  assertEquals(entries.find(({ path }) => path === "dev/console"), {
    type: "character-device",
    path: "dev/console",
    major: 5,
    minor: 1,
    mode: 0o600,
  });
});

Deno.test("linuxGuest() packs each directory once and before what is in it", async () => {
  const { initrd } = await linuxGuest({
    assetsDir: ASSETS,
    modules: [],
    files: { "a/b/c": "", "a/b/d": "" },
  });
  const paths = unpackNewc(initrd).map(({ path }) => path);
  assertEquals(new Set(paths).size, paths.length);
  for (const [index, path] of paths.entries()) {
    const parent = path.replace(/\/?[^/]*$/, "");
    assert(parent === "" || paths.indexOf(parent) < index, `${parent} is missing before ${path}`);
  }
});

Deno.test("linuxGuest() says what to run when the assets are missing", async () => {
  const assetsDir = `${ASSETS}/nowhere`;
  const error = await assertRejects(
    () => linuxGuest({ assetsDir }),
    LinuxGuestError,
    "run `deno task setup`",
  );
  assertEquals(error.assetsDir, assetsDir);
});

Deno.test("linuxGuest() refuses files outside the guest's tree", async () => {
  await assertRejects(
    () => linuxGuest({ assetsDir: ASSETS, modules: [], files: { "../etc/passwd": "" } }),
    TypeError,
    "Cannot pack the path",
  );
});
