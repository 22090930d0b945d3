import type { VmConfig } from "../../machine/mod.ts";
import type { BootOptions } from "./boot_options.ts";
import type { GuestFailedError } from "./guest_failed_error.ts";
import type { TestVm } from "./test_vm.ts";

/**
 * How a test ended.
 *
 * @example
 * ```ts
 * import type { GuestOfTest, TestOutcome } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const outcomes: TestOutcome[] = [];
 * const guest: GuestOfTest = {
 *   conclude: (outcome) => {
 *     outcomes.push(outcome);
 *     return Promise.resolve({ vm: "mine", failure: null, evidence: null });
 *   },
 * };
 * await guest.conclude("passed");
 * assertEquals(outcomes, ["passed"]);
 * ```
 */
export type TestOutcome = "passed" | "failed";

/**
 * What a VM has to say at the end of its test.
 *
 * @example
 * ```ts
 * import type { GuestReport } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const well: GuestReport = { vm: "web", failure: null, evidence: null };
 * assertEquals(well.failure, null);
 * ```
 */
export interface GuestReport {
  /** The VM's name. */
  readonly vm: string;
  /** A failure that the test was not told of; null where there is none. */
  readonly failure: GuestFailedError | null;
  /** The folder with its evidence; null where none is left. */
  readonly evidence: string | null;
}

/**
 * A VM that ends with its test, at the latest; for those who make VMs of their own and give them to `t.adopt()`.
 *
 * @example
 * ```ts
 * import { type GuestOfTest, guestTestDefinition } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const mine: GuestOfTest = {
 *   conclude: () => Promise.resolve({ vm: "mine", failure: null, evidence: null }),
 * };
 * const test = guestTestDefinition("with a VM of my own", (t) => t.adopt(mine));
 * assertEquals(test.sanitizeResources, true);
 * ```
 */
export interface GuestOfTest {
  /**
   * Ends the VM, unless it has ended, and leaves evidence or removes it.
   *
   * @param outcome How the test ended.
   * @param thrown What it failed with.
   * @returns What there is to say.
   */
  conclude(outcome: TestOutcome, thrown?: unknown): Promise<GuestReport>;
}

/**
 * What the body of a `guestTest` gets: its name and steps, as Deno has them, and what boots VMs that belong to the test.
 *
 * @example
 * ```ts
 * import { type GuestTestContext, guestTestDefinition } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const status = async (t: GuestTestContext) => (await (await t.boot({ accel: "tcg" })).status()).status;
 *
 * const test = guestTestDefinition("a guest runs", async (t) => assertEquals(await status(t), "running"));
 * assertEquals(test.name, "a guest runs");
 * ```
 */
export interface GuestTestContext extends Pick<Deno.TestContext, "name" | "origin" | "step"> {
  /** Deno's own context, for what wants one. */
  readonly deno: Deno.TestContext;
  /** Aborted when the time of the test is up, where it has a `timeoutMs`. */
  readonly signal: AbortSignal;
  /**
   * Boots a VM that ends with the test: `bootVm` with `t`. It needs no `await using`, and without one a failure leaves the most evidence: QEMU is
   * then ended when it is known whether the test failed.
   *
   * @param config What to run.
   * @param options As for `bootVm`.
   * @returns The VM.
   */
  boot(config: VmConfig, options?: Omit<BootOptions, "t">): Promise<TestVm>;
  /**
   * Gives a VM to the test, which ends it; for those who make VMs themselves.
   *
   * @param guest The VM.
   */
  adopt(guest: GuestOfTest): void;
}
