import { abortable } from "@std/async/abortable";
import type { VmConfig } from "../../machine/mod.ts";
import { Limit } from "../../qmp/limit.ts";
import { inTime } from "../../vm/waiting.ts";
import type { BootOptions } from "./boot_options.ts";
import { bootVm } from "./boot_vm.ts";
import type { GuestOfTest, GuestReport, GuestTestContext, TestOutcome } from "./guest_test_context.ts";
import type { TestVm } from "./test_vm.ts";

/** How long a test whose time is up may take to end by itself, in milliseconds. */
const GRACE_MS = 2_000;

/**
 * What `guestTest` takes beside the name and the body.
 *
 * @example
 * ```ts
 * import { guestTestDefinition, type GuestTestOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: GuestTestOptions = { timeoutMs: 30_000, permissions: "inherit" };
 * const test = guestTestDefinition("a guest runs", async (t) => {
 *   const vm = await t.boot({ accel: "tcg" });
 *   assertEquals((await vm.status()).running, true);
 * }, options);
 * assertEquals([test.permissions, test.sanitizeResources], ["inherit", true]);
 * ```
 */
export interface GuestTestOptions extends Pick<Deno.TestDefinition, "ignore" | "only" | "permissions"> {
  /** The time limit of the whole test, in milliseconds: its VMs are failed then, and with them whatever waits for them. Default none. */
  timeoutMs?: number;
}

/**
 * Registers a test with real guests: a `Deno.test` with the op, resource and exit sanitizers on (in Deno 2.9 they are off unless a test or
 * its configuration turns them on), for which any failure, that of an assertion too, leaves evidence of each VM and names its folder.
 *
 * @param name What the test promises.
 * @param body The test; it boots its VMs with `t.boot(config)`, or `bootVm(config, { t })`.
 * @param options Time limit, and Deno's own `ignore`, `only` and `permissions`.
 *
 * @example
 * ```ts
 * import { guestTest, rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // What a test file has at its top level.
 * const register = () => {
 *   guestTest("the guest powers itself off when it is told to", async (t) => {
 *     const bios = await Deno.makeTempFile();
 *     await Deno.writeFile(bios, rom(unirom.code));
 *     const vm = await t.boot({ accel: "tcg", firmware: { bios } });
 *     await vm.console.expect("READY");
 *     const { exit } = await vm.expectEnd("guest-shutdown", () => vm.console.write("P"));
 *     assertEquals(exit?.code, 0);
 *     await Deno.remove(bios);
 *   });
 * };
 * assertEquals(typeof register, "function");
 * ```
 */
export function guestTest(
  name: string,
  body: (t: GuestTestContext) => Promise<void> | void,
  options: GuestTestOptions = {},
): void {
  Deno.test(guestTestDefinition(name, body, options));
}

/**
 * What `guestTest` registers, for `Deno.test(guestTestDefinition(...))`: then Deno names the line of that call where it speaks of the test, not one
 * of this library.
 *
 * @param name What the test promises.
 * @param body The test.
 * @param options Time limit, and Deno's own `ignore`, `only` and `permissions`.
 * @returns The test.
 *
 * @example
 * ```ts
 * import { guestTestDefinition } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const test = guestTestDefinition("a guest runs", async (t) => {
 *   const vm = await t.boot({ accel: "tcg" });
 *   assertEquals((await vm.status()).running, true);
 * });
 * assertEquals([test.name, test.sanitizeOps], ["a guest runs", true]);
 * ```
 */
export function guestTestDefinition(
  name: string,
  body: (t: GuestTestContext) => Promise<void> | void,
  options: GuestTestOptions = {},
): Deno.TestDefinition {
  const { timeoutMs, ...rest } = options;
  return {
    ...rest,
    name,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    fn: (t) => runGuestTest(t, body, timeoutMs),
  };
}

async function runGuestTest(
  t: Deno.TestContext,
  body: (t: GuestTestContext) => Promise<void> | void,
  timeoutMs: number | undefined,
): Promise<void> {
  const late = () => new Error(`The test did not end within ${timeoutMs} ms`);
  using limit = new Limit(timeoutMs, late, undefined);
  const context = new TestRun(t, limit.signal);
  const thrown = await errorOf(() => body(context), limit.signal) ?? failedSteps(context.failedSteps);
  const reports = await context.conclude(thrown === null ? "passed" : "failed", thrown?.error);
  failWith(thrown, reports);
}

/** What the body throws; null when it throws nothing. Once its time is up, it is waited for only a little. */
async function errorOf(
  body: () => Promise<void> | void,
  signal: AbortSignal,
): Promise<{ error: unknown } | null> {
  const running = (async () => await body())();
  try {
    await abortable(running, signal);
    return null;
  } catch (error) {
    if (!signal.aborted) return { error };
    // It hears of it by whatever it waits for, and says where that was.
    return await inTime(running, GRACE_MS).then(() => ({ error: signal.reason }), (error) => ({ error }));
  }
}

/** A step that fails throws nothing, but somebody has to name the evidence. */
function failedSteps(steps: readonly string[]): { error: Error } | null {
  if (steps.length === 0) return null;
  return { error: new Error(`Steps of the test failed: ${steps.join(", ")}`) };
}

/** Deno's context of the test, with its VMs. */
class TestRun implements GuestTestContext {
  readonly name: string;
  readonly origin: string;
  readonly deno: Deno.TestContext;
  readonly signal: AbortSignal;
  readonly #guests: GuestOfTest[] = [];
  readonly #failedSteps: string[] = [];

  constructor(t: Deno.TestContext, signal: AbortSignal) {
    this.deno = t;
    this.name = t.name;
    this.origin = t.origin;
    this.signal = signal;
  }

  /** The steps that have failed. */
  get failedSteps(): readonly string[] {
    return this.#failedSteps;
  }

  step(definition: Deno.TestStepDefinition): Promise<boolean>;
  step(name: string, fn: (t: Deno.TestContext) => void | Promise<void>): Promise<boolean>;
  step(fn: (t: Deno.TestContext) => void | Promise<void>): Promise<boolean>;
  async step(...args: unknown[]): Promise<boolean> {
    const passed = await (this.deno.step.bind(this.deno) as (...args: unknown[]) => Promise<boolean>)(
      ...args,
    );
    if (!passed && !isIgnored(args[0])) this.#failedSteps.push(nameOfStep(args[0]));
    return passed;
  }

  boot(config: VmConfig, options: Omit<BootOptions, "t"> = {}): Promise<TestVm> {
    return bootVm(config, { ...options, t: this });
  }

  adopt(guest: GuestOfTest): void {
    this.#guests.push(guest);
  }

  /** Ends all VMs, the last one first. */
  async conclude(outcome: TestOutcome, thrown: unknown): Promise<GuestReport[]> {
    const reports: GuestReport[] = [];
    for (const guest of this.#guests.toReversed()) reports.push(await guest.conclude(outcome, thrown));
    return reports;
  }
}

/** Of these Deno says that they have not passed. */
function isIgnored(step: unknown): boolean {
  return typeof step === "object" && (step as Deno.TestStepDefinition).ignore === true;
}

function nameOfStep(step: unknown): string {
  if (typeof step === "string") return `"${step}"`;
  return `"${(step as Deno.TestStepDefinition | (() => void)).name}"`;
}

/** Throws what the test failed with, in words that say all: Deno shows nothing of an error that another one suppressed. */
function failWith(thrown: { error: unknown } | null, reports: readonly GuestReport[]): void {
  const failures = reports.flatMap(({ failure }) => failure ?? []);
  if (thrown === null) {
    const [failure] = failures;
    if (failures.length > 1) throw new AggregateError(failures, "Several guests failed");
    if (failure) throw failure;
    return;
  }
  // An error that the test has caught may have named a folder, but nobody has read it.
  const said = unsuppressed(thrown.error).map(String).join("\n");
  const folders = reports.flatMap(({ evidence, failure }) => failure === null ? evidence ?? [] : [])
    .filter((folder) => !said.includes(folder));
  const notes = [
    ...failures.map(({ message }) => `Meanwhile ${message}`),
    ...folders.map((folder) => `  evidence: ${folder}`),
  ];
  const [first, ...others] = unsuppressed(thrown.error);
  if (others.length > 0) {
    throw new AggregateError([first, ...others], ["The test failed", ...notes].join("\n"));
  }
  if (notes.length === 0) throw first;
  if (!(first instanceof Error)) throw new Error([`Thrown: ${first}`, ...notes].join("\n"));
  first.message = [first.message, ...notes].join("\n");
  throw first;
}

/** What was thrown first, and what was thrown on the way out. */
function unsuppressed(error: unknown): unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...unsuppressed(error.suppressed), ...unsuppressed(error.error)];
}
