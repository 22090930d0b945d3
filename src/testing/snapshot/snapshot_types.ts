import type { Logger } from "../../qmp/mod.ts";
import type { RunPortWish } from "../boot/test_config.ts";

/**
 * What `snapshotFixture` takes beside the config and the preparation.
 *
 * @example
 * ```ts
 * import { snapshotFixture, type SnapshotOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: SnapshotOptions = { version: "2: with curl", maxBytes: 2 * 1024 ** 3 };
 * const fixture = snapshotFixture({ accel: "tcg" }, () => Promise.resolve(), options);
 * assertEquals(fixture.how, null); // nothing is made before it is asked for
 * ```
 */
export interface SnapshotOptions {
  /**
   * Part of the template's key. The text of the preparation is part of it already; what that text only refers to (other functions,
   * variables, the content of shares) is not, so change this when such a thing changes.
   *
   * @default {""}
   */
  version?: string;
  /**
   * The folder of the templates, of which one holds many.
   *
   * @default {"$XDG_CACHE_HOME/qeeper/templates, else ~/.cache/qeeper/templates"}
   */
  dir?: string;
  /**
   * Where the templates' memory is put if it has room for it; else it is put into `dir`.
   *
   * @default {"/dev/shm, where there is one"}
   */
  ramDir?: string;
  /**
   * How many bytes all templates of the folder may take together. Those that were not used for longest go first; those in use never go.
   *
   * @default {4 GiB}
   */
  maxBytes?: number;
  /**
   * After how many milliseconds without use a template goes.
   *
   * @default {14 days}
   */
  maxIdleMs?: number;
  /**
   * The best way that is tried: `memory` maps the template's memory, `stream` reads it from a file for each clone, `boot` boots each
   * clone.
   *
   * @default {"memory"}
   */
  way?: SnapshotWay;
  /**
   * What a clone's clock says. `host`: the guest agent sets it to the host's time, where the config has an agent (which wants a
   * `/sbin/hwclock` for that). `template`: the clock goes on from when the template was made, as it does where there is no agent. The hardware
   * clock (RTC) has the host's time in any case, so that `hwclock -s` in the guest does the same.
   *
   * @default {"host"}
   */
  clock?: "host" | "template";
  /**
   * Which port for commands the guest gets.
   *
   * @default {"as for `bootVm`"}
   */
  runPort?: RunPortWish;
  /** Told each step of the making of a template, and of the wait for another process that makes it. */
  onProgress?: (progress: SnapshotProgress) => void;
  /** Told what is neither a result nor an error, such as why clones are booted. Default: silent. */
  logger?: Logger;
}

/** How a clone comes to be. */
export type SnapshotWay = "memory" | "stream" | "boot";

/**
 * How the clones of a fixture come to be, and if not in the best way, why.
 *
 * @example
 * ```ts
 * import { rom, snapshotFixture, type SnapshotHow, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeFile(`${dir}/rom`, rom(unirom.code));
 * const config = { accel: "tcg", memoryMiB: 16, firmware: { bios: `${dir}/rom` } } as const;
 * const fixture = snapshotFixture(config, async (vm) => {
 *   await vm.console.expect("READY");
 * }, { dir, ramDir: dir });
 * {
 *   await using vm = await fixture.clone();
 *   await vm.console.write("y");
 *   await vm.console.expect("y");
 * }
 * const how: SnapshotHow | null = fixture.how;
 * assertEquals(how?.way, "memory");
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export type SnapshotHow =
  /** Clones map the template's memory, each privately. */
  | { readonly way: "memory"; readonly key: string }
  /** Clones read the template's memory from a file. */
  | { readonly way: "stream"; readonly key: string; readonly why: string }
  /** There is no template: each clone boots and is prepared by itself. */
  | { readonly way: "boot"; readonly why: string };

/** A step of the making of a template, or the wait for it, in the order in which they come. */
export type SnapshotStep =
  | "waiting"
  | "copying disks"
  | "booting"
  | "preparing"
  | "saving"
  | "committing"
  | "committed";

/**
 * What is being done for a template.
 *
 * @example
 * ```ts
 * import { rom, snapshotFixture, type SnapshotProgress, unirom } from "@qeeper/qeeper/testing";
 * import { assert } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeFile(`${dir}/rom`, rom(unirom.code));
 * const config = { accel: "tcg", memoryMiB: 16, firmware: { bios: `${dir}/rom` } } as const;
 * const steps: string[] = [];
 * const onProgress = ({ step }: SnapshotProgress) => void steps.push(step);
 * const guest = snapshotFixture(config, async (vm) => void await vm.console.expect("READY"), {
 *   dir,
 *   ramDir: dir,
 *   onProgress,
 * });
 * await (await guest.clone())[Symbol.asyncDispose]();
 * assert(steps.includes("preparing"));
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export interface SnapshotProgress {
  /** What begins now; `waiting` comes again each second. */
  readonly step: SnapshotStep;
  /** The template's key. */
  readonly key: string;
  /** The step in words. */
  readonly detail: string;
}
