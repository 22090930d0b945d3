import type { Logger } from "../../qmp/mod.ts";
import type { LaunchOptions, VerdictCause } from "../../vm/mod.ts";
import type { FailureSwitches } from "../console/failures.ts";
import type { EvidenceRecord } from "../evidence/record.ts";
import type { EvidenceWish } from "./evidence_keeper.ts";
import type { RunPortWish } from "./test_config.ts";
import type { GuestTestContext } from "./guest_test_context.ts";

/**
 * What a test says about a VM that is there already.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { type WrapOptions, wrapVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: WrapOptions = { allowEnds: ["guest-reset"], evidence: "never" };
 * await using vm = wrapVm(await launch({ accel: "tcg" }), options);
 * assertEquals(vm.signal.aborted, false);
 * ```
 */
export interface WrapOptions {
  /** The test that the VM belongs to, as `guestTest` gives it: then any failure of that test leaves evidence, and names its folder. */
  t?: GuestTestContext;
  /** When a folder with evidence is left. Default `on-failure`. */
  evidence?: EvidenceWish;
  /** The folder in which each VM's own folder is made. Default: `test-evidence` in the working directory. */
  evidenceDir?: string;
  /** Secrets: they are shown in no message, transcript or evidence. */
  redact?: readonly (string | RegExp)[];
  /** Ends that are no failure whenever they come: `["guest-reset"]` for firmware that resets itself. Default none. */
  allowEnds?: readonly VerdictCause[];
  /** Which of the failures that a console can tell of are none: `{ "out-of-memory": false }`; `false` for all. Default: each is one. */
  classifiers?: FailureSwitches;
  /** Told what is neither a result nor an error. Default: silent. */
  logger?: Logger;
  /** What was noted of the VM so far, where its launch was noted as well. Default: a new one. */
  record?: EvidenceRecord;
}

/**
 * What `bootVm` takes beside the config.
 *
 * @example
 * ```ts
 * import { type BootOptions, bootVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: BootOptions = { evidence: "always", evidenceDir: await Deno.makeTempDir() };
 * {
 *   await using _vm = await bootVm({ name: "web", accel: "tcg" }, options);
 * }
 * const [folder] = Array.from(Deno.readDirSync(`${options.evidenceDir}`));
 * assertEquals(folder?.name.includes("web"), true);
 * await Deno.remove(`${options.evidenceDir}`, { recursive: true });
 * ```
 */
export interface BootOptions
  extends Omit<LaunchOptions, "lifetime" | "recorder" | "wire">, Omit<WrapOptions, "logger" | "record"> {
  /**
   * The port by which `run()` gets into the guest: `virtio`, `serial`, or `none` for a machine without one. Default: what the board can have; none where
   * the config has the guest agent.
   */
  runPort?: RunPortWish;
}
