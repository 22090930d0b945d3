import type { VmConfig } from "../../machine/mod.ts";
import { launch } from "../../vm/mod.ts";
import { EvidenceRecord } from "../evidence/record.ts";
import type { BootOptions } from "./boot_options.ts";
import { testConfig } from "./test_config.ts";
import type { TestVm } from "./test_vm.ts";
import { wrapVm } from "./wrap_vm.ts";

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
  const { t, evidence, evidenceDir, redact, allowEnds, paused, ...launching } = options;
  const record = new EvidenceRecord({ test: t?.name ?? "", redact: redact ?? [] });
  const wire = evidence === "never" ? {} : { wire: record.wire.tap };
  // Not a moment of the guest's life goes unwatched.
  const signals = [launching.signal, t?.signal].filter((signal) => signal !== undefined);
  const signal = signals.length > 0 ? { signal: AbortSignal.any(signals) } : {};
  const vm = await launch(testConfig(config), { ...launching, ...wire, ...signal, paused: true });
  const test = wrapVm(vm, {
    record,
    ...(t && { t }),
    ...(evidence && { evidence }),
    ...(evidenceDir !== undefined && { evidenceDir }),
    ...(redact && { redact }),
    ...(allowEnds && { allowEnds }),
    ...(launching.logger && { logger: launching.logger }),
  });
  if (paused) return test;
  try {
    await test.resume(signal);
    return test;
  } catch (error) {
    await test[Symbol.asyncDispose]();
    throw error;
  }
}
