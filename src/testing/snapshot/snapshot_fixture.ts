import type { VmConfig } from "../../machine/mod.ts";
import { beginBoot } from "../boot/begin_boot.ts";
import type { BootOptions } from "../boot/boot_options.ts";
import { testConfig } from "../boot/test_config.ts";
import type { TestVm } from "../boot/test_vm.ts";
import { Fixture } from "./fixture.ts";
import type { SnapshotHow, SnapshotOptions } from "./snapshot_types.ts";
import type { StartingVm } from "./vm_maker.ts";

/**
 * What `clone` takes: what `bootVm` takes beside the config, but for what the machine is made of.
 *
 * @example
 * ```ts
 * import { type CloneOptions, rom, snapshotFixture, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeFile(`${dir}/rom`, rom(unirom.code));
 * const config = { accel: "tcg", memoryMiB: 16, firmware: { bios: `${dir}/rom` } } as const;
 * const guest = snapshotFixture(config, async (vm) => void await vm.console.expect("READY"), { dir, ramDir: dir });
 * const options: CloneOptions = { evidence: "never", paused: true };
 * {
 *   await using vm = await guest.clone(options);
 *   assertEquals((await vm.status()).running, false);
 * }
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export type CloneOptions = Omit<BootOptions, "runPort">;

/**
 * A guest that was booted and prepared once, and of which each test gets a clone.
 *
 * @example
 * ```ts
 * import { rom, type SnapshotFixture, snapshotFixture, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeFile(`${dir}/rom`, rom(unirom.code));
 * const guest: SnapshotFixture = snapshotFixture(
 *   { accel: "tcg", memoryMiB: 16, firmware: { bios: `${dir}/rom` } },
 *   async (vm) => void await vm.console.expect("READY"),
 *   { dir, ramDir: dir },
 * );
 * {
 *   await using one = await guest.clone();
 *   await using other = await guest.clone(); // at the same time
 *   await one.kill();
 *   assertEquals((await other.status()).running, true);
 * }
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export interface SnapshotFixture {
  /**
   * Starts a clone: it goes on from where the preparation ended, sees nothing of what other clones do, and nobody sees what it does. Its
   * console was connected before it went on, so that not a byte is missed. The first clone after a change of anything that the template
   * depends on makes the template.
   *
   * @param options As for `bootVm`. With `paused` the guest does not go on before `resume()`.
   * @returns The VM, to be disposed of.
   * @throws What the preparation throws; {LaunchError} when QEMU can't be started; {SnapshotError}.
   */
  clone(options?: CloneOptions): Promise<TestVm>;
  /** How the last clone came to be; null before the first one. */
  readonly how: SnapshotHow | null;
}

/**
 * Boots a guest once and lets every test have its own copy of it, a fraction of a second later: memory, devices and disks are saved as a
 * template, and each clone is a private, copy-on-write view of it. Templates stay between runs, and processes share them; two that need
 * the same one make it once.
 *
 * A template's key is made of QEMU's command line (without run directory, name, uuid and monitors), the contents of kernel, initrd,
 * firmware and disk images, the QEMU binary, the text of `prepare`, and `options.version`. So a template that is out of date is not found.
 * Where QEMU can't save a guest, because of one of its devices, each clone is booted and prepared; `how` says so, in QEMU's words.
 *
 * Clones are alike in everything that a guest keeps in its memory: its random numbers, its host name, its MAC address, the ids that it made at
 * boot. Each has its own user-mode network, so the same address is no clash.
 *
 * @param config What to run, or what gives it at the first clone.
 * @param prepare Brings the guest to where clones begin: waits for its prompt, installs what tests need. It is done once a template.
 * @param options Where templates are kept, how many, and the like.
 * @returns The fixture. Nothing happens before the first clone.
 *
 * @example
 * ```ts
 * import { linuxGuest, LinuxGuestError, snapshotFixture } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const linux = snapshotFixture(async () => {
 *   const { initrd, ...guest } = await linuxGuest();
 *   await Deno.writeFile(`${dir}/initrd`, initrd);
 *   return { ...guest, accel: "tcg", initrd: `${dir}/initrd` };
 * }, async (vm) => {
 *   await vm.console.expect("GUEST-READY");
 * }, { dir, ramDir: dir });
 *
 * try {
 *   await using vm = await linux.clone();
 *   await vm.console.write("echo $((40 + 2))\n");
 *   await vm.console.expect("42\n");
 *   assertEquals(linux.how?.way, "memory");
 * } catch (error) {
 *   if (!(error instanceof LinuxGuestError)) throw error; // no Debian, no guest
 * }
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export function snapshotFixture(
  config: VmConfig | (() => VmConfig | Promise<VmConfig>),
  prepare: (vm: TestVm) => Promise<void>,
  options: SnapshotOptions = {},
): SnapshotFixture {
  const { runPort } = options;
  const maker = { config: (config: VmConfig) => testConfig(config, runPort), begin: beginTestVm };
  const fixture = new Fixture<TestVm, CloneOptions>({ config, prepare, options, maker });
  return {
    clone: (options = {}) => fixture.clone(options),
    get how() {
      return fixture.how;
    },
  };
}

/** As `bootVm` does, but what is launched need not boot. */
function beginTestVm(options: CloneOptions, role: "clone" | "template"): StartingVm<TestVm> {
  const { launching, paused, wrap } = beginBoot(role === "clone" ? options : forTemplate(options));
  return { launch: launching, paused, wrap };
}

/** The VM behind a template belongs to no one test, and the directory that is named is the clone's. */
function forTemplate({ t, runDir: _, signal, ...rest }: CloneOptions): CloneOptions {
  const signals = [signal, t?.signal].filter((one) => one !== undefined);
  return signals.length === 0 ? rest : { ...rest, signal: AbortSignal.any(signals) };
}
