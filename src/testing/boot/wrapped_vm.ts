import { type EventStream, silentLogger } from "../../qmp/mod.ts";
import type { AnyQmpEvent, QmpClient, QmpEvent, QmpEvents, StatusInfo } from "../../qmp/mod.ts";
import type { HmpMonitor, ShutdownOptions, Verdict, VerdictCause, Vm, VmCallOptions } from "../../vm/mod.ts";
import type { UsernetForward } from "../../machine/mod.ts";
import type { FailureName, FailureSwitches } from "../console/failures.ts";
import type { GuestConsole } from "../console/guest_console.ts";
import type { CommandEntry } from "../evidence/model.ts";
import { createFaults } from "../faults/create_faults.ts";
import type { Faults } from "../faults/faults.ts";
import { GuestCommands } from "../run/guest_commands.ts";
import type { RunResult } from "../run/run_result.ts";
import type { CopyInOptions, CopyOptions, RunOptions } from "../run/run_types.ts";
import type { ExpectScreenOptions } from "../screen/expect_screen.ts";
import type { Film, FilmOptions } from "../screen/film.ts";
import type { KeyboardOptions } from "../screen/keyboard.ts";
import type { ExpectScreenTextOptions, TextScreen } from "../screen/text_screen.ts";
import { announced } from "./announced.ts";
import type { WrapOptions } from "./boot_options.ts";
import { expectEnd } from "./expect_end.ts";
import type { GuestKeeper } from "./guest_keeper.ts";
import type { ExpectEndOptions, GuestMouse, TestVm } from "./test_vm.ts";
import { WatchedConsole } from "./watched_console.ts";
import { WatchedFaults } from "./watched_faults.ts";
import { WatchedScreen } from "./watched_screen.ts";

/** When a console is taken to have said all about an end. */
const LAST_WORDS = { forMs: 60, withinMs: 500 };

/** The VM that a test has: each call of it ends when the guest fails. */
export class WrappedVm implements TestVm {
  readonly faults: Faults;
  readonly #vm: Vm;
  readonly #keeper: GuestKeeper;
  readonly #console: WatchedConsole | null;
  readonly #commands: GuestCommands;
  readonly #screen: WatchedScreen;

  /**
   * @param vm The VM.
   * @param keeper Keeps it.
   * @param options What the test says about it.
   */
  constructor(vm: Vm, keeper: GuestKeeper, options: WrapOptions) {
    this.#vm = vm;
    this.#keeper = keeper;
    const { redact = [], allowEnds = [], classifiers = {}, logger = silentLogger } = options;
    const { record, watch, guard } = keeper;
    this.#console = vm.console && new WatchedConsole(vm.console, {
      redact,
      classifiers: classifiers === false ? false : { ...without(announced(allowEnds)), ...classifiers },
      failed: watch.signal,
      onFailure: (failure) => watch.suspect(failure),
      guard,
      onTyped: (text) => record.typed(text),
      onSecret: (text) => record.addSecret(text),
    });
    this.#commands = new GuestCommands(vm, { logger });
    this.#screen = new WatchedScreen(vm, guard, record);
    const faults = createFaults(vm, {
      ...(this.#commands.channel && { run: (command, options) => this.#commands.run(command, options) }),
      onFault: ({ kind, target, phase }) => record.note(`Fault ${phase}: ${kind}`, target),
    });
    const withoutAlarm = this.#withoutAlarm.bind(this);
    this.faults = new WatchedFaults(faults, watch, guard, withoutAlarm);
    keeper.accompany({
      quiet: async (options) => await this.#console?.quiet(options),
      beforeEvidence: () => this.#screen.keepFilms(),
      undo: async () => await faults[Symbol.asyncDispose](),
      close: () => this.#close(),
    });
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
  get agent(): Vm["agent"] {
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
    return this.#keeper.watch.signal;
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
    const wait = { vm: this.#vm, watch: this.#keeper.watch, causes, action };
    return await this.#call(
      options,
      (passed) => this.#withoutAlarm(causes, () => expectEnd(wait, { ...options, ...passed })),
    );
  }

  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const running = this.#keeper.record.command(command);
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

  get mouse(): GuestMouse {
    return this.#screen.mouse;
  }

  type(text: string, options?: KeyboardOptions): Promise<void> {
    return this.#screen.type(text, options);
  }

  press(keys: string, options?: KeyboardOptions): Promise<void> {
    return this.#screen.press(keys, options);
  }

  expectScreen(png: Uint8Array | string, options?: ExpectScreenOptions): Promise<void> {
    return this.#screen.expect(png, options);
  }

  screenText(options?: VmCallOptions): Promise<string> {
    return this.#screen.text(options);
  }

  expectScreenText(pattern: string | RegExp, options?: ExpectScreenTextOptions): Promise<TextScreen> {
    return this.#screen.expectText(pattern, options);
  }

  film(options?: FilmOptions): Film {
    return this.#screen.film(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#keeper.dispose();
  }

  async #close(): Promise<void> {
    await this.#screen.close();
    await this.#commands[Symbol.asyncDispose]();
    await this.#console?.[Symbol.asyncDispose]();
  }

  async #call<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return await this.#keeper.guard.run(options.signal, (signal) => act({ ...options, signal }));
  }

  /** As `#call`, for what does not outlive the guest's end. */
  async #inGuest<T, O extends { signal?: AbortSignal }>(
    options: O,
    act: (options: O & { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const life = this.#keeper.life;
    return await this.#keeper.guard.run(
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
}

function without(names: readonly FailureName[]): FailureSwitches {
  return Object.fromEntries(names.map((name) => [name, false]));
}

function outcomeOf({ exitCode, signal }: RunResult): CommandEntry["outcome"] {
  return exitCode === null
    ? { kind: "failed", reason: `It was killed by signal ${signal}` }
    : { kind: "exited", code: exitCode };
}
