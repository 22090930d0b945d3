import type { EventStream } from "../../qmp/mod.ts";
import { silentLogger } from "../../qmp/mod.ts";
import type { HmpMonitor, ShutdownOptions, Verdict, VerdictCause, Vm, VmCallOptions } from "../../vm/mod.ts";
import type { AnyQmpEvent, QmpClient, QmpEvent, QmpEvents, StatusInfo } from "../../qmp/mod.ts";
import type { UsernetForward } from "../../machine/mod.ts";
import type { QgaClient } from "../../qga/mod.ts";
import { GuestConsole } from "../console/guest_console.ts";
import type { FailureName, FailureSwitches } from "../console/failures.ts";
import type { CommandEntry } from "../evidence/model.ts";
import { EvidenceRecord } from "../evidence/record.ts";
import { makeRedactor } from "../evidence/redactor.ts";
import { createFaults } from "../faults/create_faults.ts";
import type { Faults } from "../faults/faults.ts";
import { GuestCommands } from "../run/guest_commands.ts";
import type { RunResult } from "../run/run_result.ts";
import type { CopyInOptions, CopyOptions, RunOptions } from "../run/run_types.ts";
import { announced } from "./announced.ts";
import type { WrapOptions } from "./boot_options.ts";
import { EvidenceKeeper } from "./evidence_keeper.ts";
import { expectEnd } from "./expect_end.ts";
import type { GuestFailedError } from "./guest_failed_error.ts";
import type { GuestOfTest, GuestReport, TestOutcome } from "./guest_test_context.ts";
import { GuestWatch } from "./guest_watch.ts";
import type { ExpectEndOptions, TestVm } from "./test_vm.ts";
import { GuestEndedError, WaitGuard } from "./wait_guard.ts";
import { WatchedConsole } from "./watched_console.ts";
import { WatchedFaults } from "./watched_faults.ts";

/** How long a last look at the guest may take before it is ended, in milliseconds. */
const LAST_LOOK_MS = 1_000;

/** When a console is taken to have said all about an end. */
const LAST_WORDS = { forMs: 60, withinMs: 500 };

/**
 * Makes a test's VM of one that runs already. The test's VM owns it from here on.
 *
 * @param vm The VM. What happened to it before this call is not seen, so have it paused until then where that counts.
 * @param options What the test says about it.
 * @returns The test's VM; dispose of it.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { wrapVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = wrapVm(await launch({ name: "web", accel: "tcg" }, { paused: true }));
 * await vm.resume();
 * assertEquals((await vm.status()).running, true);
 * ```
 */
export function wrapVm(vm: Vm, options: WrapOptions = {}): TestVm {
  const wrapped = new WrappedVm(vm, options);
  options.t?.adopt(wrapped);
  return wrapped;
}

/** The VM that a test has: each call of it ends when the guest fails. */
class WrappedVm implements TestVm, GuestOfTest {
  readonly faults: Faults;
  readonly #vm: Vm;
  readonly #options: WrapOptions;
  readonly #record: EvidenceRecord;
  readonly #evidence: EvidenceKeeper;
  readonly #watch: GuestWatch;
  readonly #guard: WaitGuard;
  readonly #console: WatchedConsole | null;
  readonly #commands: GuestCommands;
  /** Aborted when the guest ends, and renewed: no command outlives that. */
  #life = new AbortController();
  /** What follows a failure: evidence is collected, and QEMU ended, so that whoever waits for it is told as well. */
  #aftermath: Promise<void> | null = null;
  #outcome: TestOutcome | "unknown" = "unknown";
  #disposing: Promise<GuestReport> | null = null;

  constructor(vm: Vm, options: WrapOptions) {
    this.#vm = vm;
    this.#options = options;
    const { t, allowEnds = [], classifiers = {}, logger = silentLogger } = options;
    const { redact: secrets = [] } = options;
    this.#record = options.record ?? new EvidenceRecord({ test: t?.name ?? "", redact: secrets });
    const redact = (text: string) => makeRedactor(this.#record.redact)(text);
    this.#record.watch(vm);
    this.#evidence = new EvidenceKeeper({
      vm,
      record: this.#record,
      redact,
      wish: options.evidence ?? "on-failure",
      root: options.evidenceDir ?? null,
      logger,
    });
    const evidence = () => this.#evidence.folder();
    this.#watch = new GuestWatch({
      vm,
      allowed: allowEnds,
      transcript: () => vm.console?.transcript ?? "",
      quiet: async (options) => await this.#console?.quiet(options),
      redact,
      evidence,
      onFailure: (error) => this.#failed(error),
      onEnd: (verdict) => this.#ended(verdict),
    });
    this.#guard = new WaitGuard({
      watch: this.#watch,
      test: t?.signal ?? null,
      redact,
      evidence,
      onError: (error) => this.#record.failed(error),
    });
    this.#console = vm.console && new WatchedConsole(vm.console, {
      redact: secrets,
      classifiers: classifiers === false ? false : { ...without(announced(allowEnds)), ...classifiers },
      failed: this.#watch.signal,
      onFailure: (failure) => this.#watch.suspect(failure),
      guard: this.#guard,
      onTyped: (text) => this.#record.typed(text),
      onSecret: (text) => this.#record.addSecret(text),
    });
    this.#commands = new GuestCommands(vm, { logger });
    const faults = createFaults(vm, {
      ...(this.#commands.channel && { run: (command, options) => this.#commands.run(command, options) }),
      onFault: ({ kind, target, phase }) => this.#record.note(`Fault ${phase}: ${kind}`, target),
    });
    const withoutAlarm = this.#withoutAlarm.bind(this);
    this.faults = new WatchedFaults(faults, this.#watch, this.#guard, withoutAlarm);
  }

  get name(): string {
    return this.#vm.name;
  }
  get pid(): number | null {
    return this.#vm.pid;
  }
  get argv(): readonly string[] | null {
    return this.#vm.argv;
  }
  get runDir(): string | null {
    return this.#vm.runDir;
  }
  get qmp(): QmpClient {
    return this.#vm.qmp;
  }
  get monitors(): ReadonlyMap<string, QmpClient | HmpMonitor> {
    return this.#vm.monitors;
  }
  get agent(): QgaClient | null {
    return this.#vm.agent;
  }
  get stderrTail(): string {
    return this.#vm.stderrTail;
  }
  get stopped(): Promise<Verdict> {
    return this.#vm.stopped;
  }
  get console(): GuestConsole {
    if (this.#console !== null) return this.#console;
    throw new TypeError(`Cannot use the console of VM "${this.name}": its config has none`);
  }
  get signal(): AbortSignal {
    return this.#watch.signal;
  }

  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  events(...names: (keyof QmpEvents)[]): unknown {
    return this.#vm.events(...names);
  }

  ends(): EventStream<Verdict> {
    return this.#vm.ends();
  }

  async status(options: VmCallOptions = {}): Promise<StatusInfo> {
    return await this.#call(options, (passed) => this.#vm.status(passed));
  }

  async hmp(command: string, options: VmCallOptions = {}): Promise<string> {
    return await this.#call(options, (passed) => this.#vm.hmp(command, passed));
  }

  async forwards(options: VmCallOptions = {}): Promise<readonly UsernetForward[]> {
    return await this.#call(options, (passed) => this.#vm.forwards(passed));
  }

  async pause(options: VmCallOptions = {}): Promise<void> {
    await this.#call(options, (passed) => this.#vm.pause(passed));
  }

  async resume(options: VmCallOptions = {}): Promise<void> {
    await this.#call(options, (passed) => this.#vm.resume(passed));
  }

  async reset(options: VmCallOptions = {}): Promise<void> {
    await this.#call(options, (passed) => this.#vm.reset(passed));
  }

  async screenshot(options: VmCallOptions = {}): Promise<Uint8Array> {
    return await this.#call(options, (passed) => this.#vm.screenshot(passed));
  }

  shutdown(options: ShutdownOptions = {}): Promise<Verdict> {
    return this.#vm.shutdown(options);
  }

  kill(options: Pick<VmCallOptions, "signal"> = {}): Promise<Verdict> {
    return this.#vm.kill(options);
  }

  release(): Promise<void> {
    return this.#vm.release();
  }

  async expectEnd(
    cause: VerdictCause | readonly VerdictCause[],
    action?: (signal: AbortSignal) => Promise<unknown>,
    options: ExpectEndOptions = {},
  ): Promise<Verdict> {
    const causes = typeof cause === "string" ? [cause] : cause;
    const wait = { vm: this.#vm, watch: this.#watch, causes, action };
    return await this.#call(
      options,
      (passed) => this.#withoutAlarm(causes, () => expectEnd(wait, { ...options, ...passed })),
    );
  }

  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const running = this.#record.command(command);
    try {
      const result = await this.#inGuest(options, (passed) => this.#commands.run(command, passed));
      running.ended(outcomeOf(result), result);
      return result;
    } catch (error) {
      running.ended({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  async copyIn(data: Uint8Array | string, guestPath: string, options: CopyInOptions = {}): Promise<void> {
    await this.#inGuest(options, (passed) => this.#commands.copyIn(data, guestPath, passed));
  }

  async copyOut(guestPath: string, options: CopyOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#inGuest(options, (passed) => this.#commands.copyOut(guestPath, passed));
  }

  async conclude(outcome: TestOutcome): Promise<GuestReport> {
    if (this.#disposing === null) this.#outcome = outcome;
    const report = await this.#end();
    const keep = this.#evidence.wish === "always" || outcome === "failed" || report.failure !== null;
    if (keep) return report;
    await this.#evidence.discard();
    return { ...report, evidence: null };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const first = this.#disposing === null;
    const { failure } = await this.#end();
    // The test itself is told by its context, with all else that it has to be told.
    if (!first || failure === null || this.#options.t !== undefined) return;
    // Where the test's body has thrown as well, Deno shows neither: only that an error was suppressed.
    Deno.stderr.writeSync(new TextEncoder().encode(`${failure.message}\n`));
    throw failure;
  }

  async #call<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return await this.#guard.run(options.signal, (signal) => act({ ...options, signal }));
  }

  /** As `#call`, for what does not outlive the guest's end. */
  async #inGuest<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const life = this.#life.signal;
    return await this.#guard.run(
      options.signal,
      (signal) => act({ ...options, signal: AbortSignal.any([signal, life]) }),
    );
  }

  /** Lets an action bring about ends without their words on the console being a failure. */
  async #withoutAlarm<T>(causes: readonly VerdictCause[], action: () => Promise<T>): Promise<T> {
    const words = announced(causes);
    if (words.length === 0 || this.#console === null) return await action();
    using _allowed = this.#console.allow(...words);
    const said = this.#vm.console?.transcript;
    const result = await action();
    // What belongs to the end may still be on its way.
    if (this.#vm.console?.transcript !== said) await this.#console.quiet(LAST_WORDS);
    return result;
  }

  #ended({ cause, process }: Verdict): void {
    // A disk that failed is no end for who does not need it.
    if (cause === "io-error" && process === "held") return;
    this.#life.abort(new GuestEndedError(`The guest of VM "${this.name}" ended (${cause})`));
    this.#life = new AbortController();
  }

  #failed(error: GuestFailedError): void {
    this.#record.failed(error);
    this.#aftermath = this.#tidyUp();
  }

  async #tidyUp(): Promise<void> {
    await this.#evidence.collect();
    await this.#vm[Symbol.asyncDispose]();
  }

  #end(): Promise<GuestReport> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<GuestReport> {
    await this.#undoFaults();
    await this.#lookOnceMore();
    await this.#aftermath;
    if (this.#needsEvidence) await this.#evidence.collect();
    await this.#vm[Symbol.asyncDispose]();
    await this.#watch.over;
    await this.#aftermath;
    await this.#guard.settled();
    await this.#commands[Symbol.asyncDispose]();
    await this.#console?.[Symbol.asyncDispose]();
    await this.#record[Symbol.asyncDispose]();
    const { failure } = this.#watch;
    const untold = this.#guard.told === "the failure" ? null : failure;
    const left = this.#evidence.begun ? await this.#evidence.folder() : null;
    return { vm: this.name, failure: untold, evidence: left, named: this.#guard.told !== "nothing" };
  }

  /** What can't be undone of a QEMU that is about to end anyway is no failure of the test. */
  async #undoFaults(): Promise<void> {
    try {
      await this.faults[Symbol.asyncDispose]();
    } catch (error) {
      this.#record.note("A fault could not be undone", String(error));
    }
  }

  /** An end that has just come may not have been told of yet. */
  async #lookOnceMore(): Promise<void> {
    if (this.#watch.failure !== null || this.#watch.ended !== null) return;
    const look = () =>
      this.#vm.status({ timeoutMs: LAST_LOOK_MS }).then(({ running }) => running, () => true);
    // When QEMU has answered twice, the question that its stop has raised is answered as well.
    if (this.#vm.qmp.open && (await look() || await look()) && this.#vm.qmp.open) return;
    await this.#watch.explain(!this.#vm.qmp.open);
  }

  get #needsEvidence(): boolean {
    const { wish } = this.#evidence;
    if (wish === "never") return false;
    if (wish === "always" || this.#guard.told !== "nothing" || this.#outcome === "failed") return true;
    // Whether the test failed is not known yet, and QEMU can be asked only now.
    return this.#options.t !== undefined && this.#outcome === "unknown";
  }
}

function without(names: readonly FailureName[]): FailureSwitches {
  return Object.fromEntries(names.map((name) => [name, false]));
}

function outcomeOf({ exitCode, signal }: RunResult): CommandEntry["outcome"] {
  return exitCode === null
    ? { kind: "failed", reason: `It was killed by signal ${signal}` }
    : { kind: "exited", code: exitCode };
}
