// Screen, keyboard and mouse of real guests: a BIOS's boot menu, a Linux console, a tablet.
import { assert, assertEquals, assertGreater, assertRejects, assertStringIncludes } from "@std/assert";
import { launch, type Vm, type VmConfig } from "../../mod.ts";
import { linuxConfig, rom, tinyGuests } from "../../src/testing/mod.ts";
import { compareImages } from "../../src/testing/screen/compare_images.ts";
import { expectScreen, ScreenMismatchError } from "../../src/testing/screen/expect_screen.ts";
import { Film } from "../../src/testing/screen/film.ts";
import { pressKeys, typeText } from "../../src/testing/screen/keyboard.ts";
import { clickMouse, moveMouse, moveMouseBy } from "../../src/testing/screen/mouse.ts";
import { decodePng, encodePng } from "../../src/testing/screen/png.ts";
import {
  expectScreenText,
  readTextScreen,
  ScreenTextTimeoutError,
  TextScreenError,
} from "../../src/testing/screen/text_screen.ts";
import { splitChunks } from "../../src/testing/screen/png_chunks.ts";
import { linuxTest } from "./_linux.ts";

const LIMIT_MS = 60_000;

/** A BIOS that waits for a key before it looks for something to boot, and a disk with nothing on it. */
async function withBios(use: (vm: Vm, dir: string) => Promise<void>, more: VmConfig = {}): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-screen-" });
  try {
    const file = `${dir}/empty.img`;
    await Deno.writeFile(file, new Uint8Array(1024 * 1024));
    const drives = [{ file, format: "raw", interface: "ide" }] as const;
    await using vm = await launch({
      accel: "tcg",
      memoryMiB: 32,
      vga: "std",
      boot: { menu: true },
      drives,
      ...more,
    });
    await use(vm, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("expectScreenText() reads a BIOS's boot menu, which pressKeys() opens and typeText() chooses from", async () => {
  await withBios(async (vm) => {
    const first = await expectScreenText(vm, /^Press ESC for boot menu\.$/m, { timeoutMs: LIMIT_MS });
    assertEquals([first.columns, first.rows], [80, 25]);
    await pressKeys(vm.qmp, "esc");
    const menu = await expectScreenText(vm, "1. ata0-0: QEMU HARDDISK", { timeoutMs: LIMIT_MS });
    assertStringIncludes(menu.text, "Select boot device:\n\n1. ");
    await typeText(vm.qmp, "1");
    const end = await expectScreenText(vm, "No bootable device.", { timeoutMs: LIMIT_MS });
    assertStringIncludes(end.text, "Boot failed: not a bootable disk");
    const row = end.text.split("\n").indexOf("No bootable device.");
    assertEquals(end.cursor, { row: row + 1, column: 0 });
    assertEquals((await vm.status()).running, true, "it was only stopped while it was read");
  });
});

Deno.test("readTextScreen() leaves a guest that is stopped alone, and puts the ports back as they were", async () => {
  await withBios(async (vm) => {
    await expectScreenText(vm, "Press ESC", { timeoutMs: LIMIT_MS });
    await vm.pause();
    await vm.hmp("o /b 0x3d4 14");
    using events = vm.events("STOP", "RESUME");
    const { text } = await readTextScreen(vm);
    assertStringIncludes(text, "SeaBIOS");
    assertEquals(await vm.hmp("i /b 0x3d4"), "portb[0x03d4] = 0x0e\r\n");
    assertEquals((await vm.status()).status, "paused");
    await vm.resume();
    assertEquals((await events.next()).value?.event, "RESUME", "the first event since");
  });
});

Deno.test("expectScreenText() shows what was on the screen instead, and ends with its signal", async () => {
  await withBios(async (vm) => {
    await expectScreenText(vm, "Press ESC", { timeoutMs: LIMIT_MS });
    const error = await assertRejects(
      () => expectScreenText(vm, /GRUB/, { timeoutMs: 150 }),
      ScreenTextTimeoutError,
      "The screen did not say /GRUB/ within 150 ms; it said:\n  | SeaBIOS",
    );
    assertStringIncludes(error.screen ?? "", "Press ESC");
    const reason = new Error("enough");
    const raised = AbortSignal.abort(reason);
    const thrown = await assertRejects(() => expectScreenText(vm, "GRUB", { signal: raised }));
    assertEquals(thrown, reason);
  });
});

Deno.test("readTextScreen() says why a screen has no text", async () => {
  const bios = await Deno.makeTempFile({ suffix: ".rom" });
  await Deno.writeFile(bios, rom(tinyGuests.halt.code));
  try {
    await using bare = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios } });
    await assertRejects(() => readTextScreen(bare), TextScreenError, "this guest has no VGA");
    await using none = await launch({ machine: "none", accel: "tcg" });
    await assertRejects(() => readTextScreen(none), TextScreenError);
    await using fresh = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios }, vga: "std" });
    await assertRejects(
      () => expectScreenText(fresh, "x", { timeoutMs: 0 }),
      ScreenTextTimeoutError,
      "it was never in text mode",
    );
  } finally {
    await Deno.remove(bios);
  }
});

Deno.test("decodePng() reads QEMU's own pictures, and encodePng() writes the same picture", async () => {
  await withBios(async (vm) => {
    await expectScreenText(vm, "Press ESC", { timeoutMs: LIMIT_MS });
    const image = await decodePng(await vm.screenshot());
    assertEquals([image.width, image.height], [720, 400]);
    const colours = new Set(new Uint32Array(image.pixels.buffer));
    assertGreater(colours.size, 1, "there is text on it");
    assertEquals(await decodePng(await encodePng(image)), image);
  });
});

/** The cursor of a BIOS's screen blinks: the row that it is in is left out. */
const CURSOR_ROW = { x: 0, y: 4 * 16, width: 720, height: 16 };

Deno.test("expectScreen() waits until the screen is as expected, and says how it differs where it is not", async () => {
  await withBios(async (vm, dir) => {
    await expectScreenText(vm, "Press ESC", { timeoutMs: LIMIT_MS });
    const path = `${dir}/expected.png`;
    const before = await vm.screenshot();
    await Deno.writeFile(path, before);
    const options = { ignore: [CURSOR_ROW], timeoutMs: LIMIT_MS };
    await expectScreen(vm, path, options);

    const kept = new Map<string, Uint8Array>();
    const evidence = { picture: (name: string, png: Uint8Array) => kept.set(name, png) };
    await pressKeys(vm.qmp, "esc");
    await expectScreenText(vm, "Select boot device", { timeoutMs: LIMIT_MS });
    const error = await assertRejects(
      () => expectScreen(vm, path, { ...options, timeoutMs: 200, evidence }),
      ScreenMismatchError,
      "was not as expected within 200 ms: ",
    );
    assert(
      /\d+ of \d+ pixels differ \([\d.e-]+ %\), all of them within x 0 to \d+, y \d+ to \d+/.test(
        error.message,
      ),
    );
    assertEquals([...kept.keys()], ["actual.png", "expected.png", "difference.png"]);
    const [actual, expected] = [await decodePng(error.actual), await decodePng(error.expected)];
    assertEquals(compareImages(actual, expected).kind, "different");
    assertEquals((await decodePng(error.difference ?? new Uint8Array())).width, 720);
    await expectScreen(vm, before, { ...options, region: { x: 0, y: 0, width: 720, height: 64 } });

    const missing = assertRejects(() => expectScreen(vm, `${dir}/no.png`), TypeError, "save one with");
    await missing;
  });
});

linuxTest(
  "typeText() types each sign of a US keyboard into a Linux console, and the screen shows it scrolled",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-typing-" });
    try {
      // A shell on the screen's own console: what is typed on the keyboard reaches it.
      const config = await linuxConfig({ modules: [], dir });
      const append = `${config.append} vga=normal nomodeset`;
      await using vm = await launch({ ...config, accel: "tcg", vga: "std", append });
      await vm.console?.expect("GUEST-READY\n", { timeoutMs: LIMIT_MS });
      await vm.console?.write(
        "PS1='tty1# ' setsid sh -c 'exec sh -i </dev/tty1 >/dev/tty1 2>&1' & echo STARTED\n",
      );
      await vm.console?.expect("STARTED", { timeoutMs: LIMIT_MS });
      await expectScreenText(vm, /^tty1#$/m, { timeoutMs: LIMIT_MS });
      const signs = 'aZ09 !@#$%^&*()-_=+[]{};:,.<>/?|~`\\"';
      await typeText(vm.qmp, `cat >/out <<'E'\n${signs}\nE\nseq 100; echo END-$((40+2))\n`);
      const screen = await expectScreenText(vm, /^END-42$/m, { timeoutMs: LIMIT_MS });
      assertStringIncludes(screen.text, "\n99\n100\nEND-42\n");
      await vm.console?.write("cat /out; echo SHOWN\n");
      const { before } = await vm.console?.expect("SHOWN", { timeoutMs: LIMIT_MS }) ?? { before: "" };
      assertStringIncludes(before, signs);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

Deno.test("typeText() and pressKeys() type nothing of what they can't type all of", async () => {
  await withBios(async (vm) => {
    await assertRejects(() => typeText(vm.qmp, "abc\u20ac"), TypeError, "U+20AC");
    await assertRejects(() => pressKeys(vm.qmp, "esc ctrl-hyper"), TypeError, '"hyper"');
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => typeText(vm.qmp, "abc", { signal }), Error, "enough");
  });
});

linuxTest("moveMouse() and clickMouse() reach a guest's driver, at the very place", async () => {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-pointing-" });
  try {
    const config = await linuxConfig({ modules: ["virtio_pci", "virtio_input", "evdev"], dir });
    const extraArgs = ["-device", "virtio-tablet-pci"];
    await using vm = await launch({ ...config, accel: "tcg", vga: "std", extraArgs });
    const { console } = vm;
    assert(console !== null);
    await console.expect("GUEST-READY\n", { timeoutMs: LIMIT_MS });
    const find = "E=$(grep -A5 'Virtio Tablet' /proc/bus/input/devices | grep -o 'event[0-9]*')";
    await console.write(`${find}; exec 3</dev/input/$E; echo LISTENING\n`);
    await console.expect("LISTENING", { timeoutMs: LIMIT_MS });
    const { width, height } = await decodePng(await vm.screenshot());
    await moveMouse(vm, { x: width - 1, y: (height - 1) / 2 });
    await clickMouse(vm, "right");
    // An event has 24 bytes: its time, its type (3: a place, 1: a button, 0: the end of what goes together), a code, and a value.
    await console.write('head -c 168 <&3 | hexdump -v -e \'12/2 "%u " "\\n"\'; echo READ\n');
    const { before } = await console.expect("READ", { timeoutMs: LIMIT_MS });
    const events = before.trim().split("\n").map((line) => line.trim().split(" ").slice(8, 11).map(Number));
    assertEquals(events, [[3, 0, 32767], [3, 1, 16384], [0, 0, 0], [1, 273, 1], [0, 0, 0], [1, 273, 0], [
      0,
      0,
      0,
    ]]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("moveMouse() says what a guest lacks to be pointed at, moveMouseBy() and clickMouse() do with a plain mouse", async () => {
  await withBios(async (vm) => {
    await assertRejects(
      () => moveMouse(vm, { x: 1, y: 1 }),
      Error,
      'needs a pointer that is absolute, and it has QEMU PS/2 Mouse (relative); add one with extraArgs: ["-device", "qemu-xhci"',
    );
    await moveMouseBy(vm, { x: 10, y: -5 });
    await clickMouse(vm, "right");
  });
  await withBios(async (vm) => {
    await moveMouse(vm, { x: 0, y: 0 });
    await assertRejects(() => moveMouse(vm, { x: 10_000, y: 0 }), RangeError, "the screen has");
    await moveMouseBy(vm, { x: 1, y: 1 });
  }, { extraArgs: ["-device", "qemu-xhci", "-device", "usb-tablet"] });
  await using none = await launch({ machine: "none", accel: "tcg" });
  await assertRejects(() => clickMouse(none), Error, "and it has none");
});

Deno.test("Film has the screen's pictures in order, as an animation and as a strip, and ends with its guest", async () => {
  await withBios(async (vm) => {
    await using film = new Film(vm, { everyMs: 50 });
    await expectScreenText(vm, "Press ESC", { timeoutMs: LIMIT_MS });
    await pressKeys(vm.qmp, "esc");
    await expectScreenText(vm, "Select boot device", { timeoutMs: LIMIT_MS });
    const seen = film.frames.length;
    while (film.frames.length === seen && film.failure === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const frames = await film.stop();
    assertGreater(frames.length, 1);
    assertEquals(frames.map(({ atMs }) => atMs), frames.map(({ atMs }) => atMs).sort((a, b) => a - b));
    const animation = splitChunks(await film.apng() ?? new Uint8Array());
    assertEquals(animation.filter(({ type }) => type === "fcTL").length, frames.length);
    const strip = await decodePng(await film.strip({ maxPictures: 2 }) ?? new Uint8Array());
    assertGreater(strip.width, 2 * 300);
    assertEquals(film.failure, null);

    await using endless = new Film(vm, { everyMs: 50, maxFrames: 2 });
    await vm.kill();
    await endless.stop();
    assert(endless.frames.length <= 2);
  });
});
