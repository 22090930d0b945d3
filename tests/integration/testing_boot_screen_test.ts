// The screen, the keyboard and films of a test's VM: what they wait for ends with the guest, and evidence has the pictures.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { VmConfig } from "../../src/machine/mod.ts";
import { type BootOptions, bootVm, GuestFailedError } from "../../src/testing/mod.ts";
import { ScreenMismatchError } from "../../src/testing/screen/expect_screen.ts";
import { decodePng, encodePng } from "../../src/testing/screen/png.ts";

/** A PC with a screen and nothing to boot. */
const CONFIG: VmConfig = { name: "pc", accel: "tcg", memoryMiB: 16, vga: "std" };

async function withEvidence(
  body: (options: BootOptions & { evidenceDir: string }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body({ evidenceDir: `${dir}/evidence` });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("expectScreenText(), screenText() and expectScreen() see the screen, press() and type() reach the keyboard", async () => {
  await withEvidence(async (options) => {
    await using vm = await bootVm({ ...CONFIG, boot: { menu: true } }, options);
    await vm.expectScreenText("Press ESC for boot menu");
    await vm.press("esc");
    await vm.expectScreenText("Select boot device");
    assertStringIncludes(await vm.screenText(), "SeaBIOS");
    await vm.type("1");
    await vm.expectScreenText("No bootable device");
    await vm.expectScreen(await vm.screenshot(), { tolerance: 0 });
  });
});

Deno.test("a screen that is not as expected leaves both pictures and the film as evidence", async () => {
  await withEvidence(async (options) => {
    let folder: string | undefined;
    {
      await using vm = await bootVm(CONFIG, options);
      const film = vm.film({ everyMs: 50 });
      await vm.expectScreenText("No bootable device");
      const image = await decodePng(await vm.screenshot());
      image.pixels.fill(0x7f);
      const error = await assertRejects(
        () => encodePng(image).then((png) => vm.expectScreen(png, { timeoutMs: 100 })),
        ScreenMismatchError,
      );
      folder = /^ {2}evidence: (.*)$/m.exec(error.message)?.[1];
      assert(film.frames.length > 0);
    }
    const names = (await Array.fromAsync(Deno.readDir(`${folder}`))).map(({ name }) => name);
    for (const name of ["actual.png", "expected.png", "difference.png", "film.png", "screenshot.png"]) {
      assert(names.includes(name), `${name} is not among ${names.join(", ")}`);
    }
  });
});

Deno.test("a wait for the screen rejects when the guest fails", async () => {
  await withEvidence(async (options) => {
    await using vm = await bootVm(CONFIG, options);
    const waiting = assertRejects(
      () => vm.expectScreenText("never shown", { timeoutMs: 600_000 }),
      GuestFailedError,
      "QEMU was told to quit on a monitor",
    );
    await vm.expectScreenText("SeaBIOS");
    await vm.qmp.execute("quit");
    assertEquals((await waiting).verdict?.cause, "host-quit");
  });
});
