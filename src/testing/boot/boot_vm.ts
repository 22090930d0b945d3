import type { VmConfig } from "../../machine/mod.ts";
import { launch } from "../../vm/mod.ts";
import type { BootOptions } from "./boot_options.ts";
import { beginBoot } from "./begin_boot.ts";
import { testConfig } from "./test_config.ts";
import type { TestVm } from "./test_vm.ts";

/**
 * Boots a VM for a test: `await using vm = await bootVm(config)`. It ends with the scope, whatever happens; many can run at once without meeting.
 * A guest that panics, or whose QEMU dies, fails the test at once.
 *
 * QEMU holds a guest that panicked or whose watchdog fired (unless `config.actions` says otherwise), so that there is something left to be
 * looked at.
 *
 * @param config What to run, as for `launch`.
 * @param options Evidence, secrets, the test that it belongs to, and what `launch` takes.
 * @returns The VM. Dispose of it; that throws what the test has not been told of.
 * @throws As `launch` does.
 *
 * @example
 * ```ts
 * import { bootVm, rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * await using vm = await bootVm({ accel: "tcg", firmware: { bios } });
 * await vm.console.expect("READY");
 * const verdict = await vm.expectEnd("guest-shutdown", () => vm.console.write("P"));
 * assertEquals(verdict.exit?.code, 0);
 * await Deno.remove(bios);
 * ```
 */
export async function bootVm(config: VmConfig, options: BootOptions = {}): Promise<TestVm> {
  const { launching, paused, wrap } = beginBoot(options);
  // Not a moment of the guest's life goes unwatched.
  const test = wrap(await launch(testConfig(config, options.runPort), { ...launching, paused: true }));
  if (paused === true) return test;
  try {
    await test.resume(launching.signal ? { signal: launching.signal } : {});
    return test;
  } catch (error) {
    await test[Symbol.asyncDispose]();
    throw error;
  }
}
