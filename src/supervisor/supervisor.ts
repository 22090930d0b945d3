import { parseVmConfig } from "../machine/mod.ts";
import { EventStream, type Logger, silentLogger } from "../qmp/mod.ts";
import { SignalGuard, type Verdict, type Vm } from "../vm/mod.ts";
import { type Ask, Keeper } from "./keeper.ts";
import type { Phase, Wanted } from "./policy.ts";
import type { Report } from "./report.ts";
import type { SupervisedVm } from "./spec.ts";

/**
 * What a supervisor is opened with.
 *
 * @example
 * ```ts
 * import { Supervisor, type SupervisorOptions } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const runtimeDir = await Deno.makeTempDir();
 * const options: SupervisorOptions = { runtimeDir, signals: "ignore" };
 * {
 *   await using supervisor = await Supervisor.open(options);
 *   const { vm } = await supervisor.add({ config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 *   assertEquals(vm?.runDir?.startsWith(`${runtimeDir}/`), true);
 * }
 * await Deno.remove(runtimeDir); // it is empty again
 * ```
 */
export interface SupervisorOptions {
  /** Where run directories are made; it is made if it is missing. Default: where `launch` makes them. */
  runtimeDir?: string;
  /**
   * `owned` (default): the guests end with this process, even when it is killed. `detached`: they outlive it, and `close` may leave them
   * running; needs `runtimeDir`.
   */
  lifetime?: "owned" | "detached";
  /**
   * On SIGINT, SIGTERM and SIGHUP: `stop` (default) stops the guests and then lets the signal have its effect, at the second one without
   * waiting for them; `ignore` does nothing.
   */
  signals?: "stop" | "ignore";
  /** Told what is neither a result nor a report. Default: silent. */
  logger?: Logger;
}

/**
 * How a supervised guest is. What is wanted and what is are separate facts.
 *
 * @example
 * ```ts
 * import { type GuestStatus, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const line = ({ name, wanted, phase, vm }: GuestStatus) =>
 *   `${name}: ${phase}, wanted ${wanted}, ${vm === null ? "no process" : "a process"}`;
 *
 * await using supervisor = await Supervisor.open();
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 * assertEquals(supervisor.list().map(line), ["web: up, wanted up, a process"]);
 * ```
 */
export interface GuestStatus {
  /** The guest's name. */
  name: string;
  /** What the operator wants, or a policy that is done with the guest. */
  wanted: Wanted;
  /** Where it is. */
  phase: Phase;
  /** How many restarts the limit's period has seen. */
  restarts: number;
  /** The running VM; null while there is none. It is the supervisor's: dispose of the supervisor, not of this. */
  vm: Vm | null;
  /** Why it last ended; null when it has not yet. */
  lastVerdict: Verdict | null;
}

/**
 * How a wait may be given up.
 *
 * @example
 * ```ts
 * import { Supervisor, type WaitOptions } from "@qeeper/qeeper";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * const giveUp = new AbortController();
 * const options: WaitOptions = { signal: giveUp.signal };
 * const added = supervisor.add({ config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } }, options);
 * giveUp.abort(new Error("I have no time"));
 * await assertRejects(() => added, Error, "I have no time");
 * assertEquals(supervisor.get("vm")?.phase, "starting"); // it goes on
 * ```
 */
export interface WaitOptions {
  /** Stops waiting, not what was asked for. Rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Keeps guests running. What ends one becomes a typed report, and the guest's policy says what to do about it.
 *
 * @example
 * ```ts
 * import { Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * using reports = supervisor.reports();
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 * await supervisor.get("web")?.vm?.kill(); // somebody, or the kernel when memory runs out
 *
 * for await (const report of reports) {
 *   if (report.kind !== "ended") continue;
 *   assertEquals(report.verdict.cause, "killed");
 *   assertEquals(report.actions, [{ kind: "start" }]);
 *   break;
 * }
 * assertEquals((await supervisor.stop("web")).phase, "down");
 * ```
 */
export class Supervisor implements AsyncDisposable {
  readonly #keepers = new Map<string, Keeper>();
  readonly #streams = new Set<EventStream<Report>>();
  readonly #lifetime: "owned" | "detached";
  readonly #runtimeDir: string | null;
  readonly #logger: Logger;
  readonly #guard: SignalGuard | null;
  #closing: Promise<void> | null = null;
  #reporting: "open" | "ended" = "open";

  private constructor(options: SupervisorOptions) {
    const { lifetime = "owned", runtimeDir, signals = "stop", logger = silentLogger } = options;
    this.#lifetime = lifetime;
    // QEMU runs in a directory of its own, where a relative path would mean something else.
    this.#runtimeDir = runtimeDir === undefined || runtimeDir.startsWith("/")
      ? runtimeDir ?? null
      : `${Deno.cwd()}/${runtimeDir}`;
    this.#logger = logger;
    this.#guard = signals === "ignore" ? null : new SignalGuard(
      () => this.close({ vms: "stop" }),
      () => this.#kill(),
    );
  }

  /**
   * Opens a supervisor.
   *
   * @param options Where run directories are made, how long guests live, signals, logger.
   * @returns The supervisor; dispose of it to stop its guests.
   * @throws {TypeError} When guests are to be detached and there is no `runtimeDir` to find them in again.
   */
  static open(options: SupervisorOptions = {}): Promise<Supervisor> {
    if (options.lifetime === "detached" && options.runtimeDir === undefined) {
      return Promise.reject(
        new TypeError("Cannot supervise detached guests without a runtimeDir: nobody would find them again"),
      );
    }
    return Promise.resolve(new Supervisor(options));
  }

  /**
   * Adds a guest and starts it.
   *
   * @param spec Config and policy.
   * @param options Signal.
   * @returns How the guest is, once it is up, or its policy has given up: that it can't be started is no error of this call, but
   * `failed` (or `down`) with a `lastVerdict`.
   * @throws {ConfigError} When the config is wrong.
   * @throws {RangeError} When a number of the policy is out of range.
   * @throws {TypeError} When a word of the policy is unknown, there is a guest of that name already, or the supervisor is closing.
   */
  async add(spec: SupervisedVm, options: WaitOptions = {}): Promise<GuestStatus> {
    options.signal?.throwIfAborted();
    const config = parseVmConfig(spec.config);
    const name = config.name ?? "vm";
    this.#assertOpen(`add VM "${name}"`);
    if (this.#keepers.has(name)) {
      throw new TypeError(
        `Cannot add VM "${name}": there is one of that name already; remove it first, or choose another name`,
      );
    }
    const keeper = new Keeper(name, { ...spec, config }, {
      runtimeDir: this.#runtimeDir,
      lifetime: this.#lifetime,
      logger: this.#logger,
      report: (body) => this.#report({ at: new Date(), vm: name, ...body }),
    });
    this.#keepers.set(name, keeper);
    return await askAndWait(keeper, "start", options);
  }

  /**
   * How a guest is.
   *
   * @param name The guest's name.
   * @returns Its status as it is now; undefined when there is none of that name.
   */
  get(name: string): GuestStatus | undefined {
    const keeper = this.#keepers.get(name);
    return keeper && statusOf(keeper);
  }

  /**
   * How all guests are.
   *
   * @returns Their status as it is now, in the order in which they were added.
   */
  list(): GuestStatus[] {
    return [...this.#keepers.values()].map(statusOf);
  }

  /**
   * Starts a guest that is down, preserved or failed, or does not let it wait for its restart; earlier restarts are forgotten.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once it is up, or its policy has given up.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closing.
   */
  start(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "start", options);
  }

  /**
   * Stops a guest, by the stop ladder, or gives up its start. It stays stopped, whatever its policy says.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once QEMU is gone.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closed.
   */
  stop(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "stop", options);
  }

  /**
   * Stops a guest and starts it again, as a new process; earlier restarts are forgotten. One that is being started already is left to it.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once it is up again, or its policy has given up.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closing.
   */
  restart(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "restart", options);
  }

  /**
   * Stops a guest and forgets it. Its name is free again when this resolves.
   *
   * @param name The guest's name.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closed.
   */
  async remove(name: string): Promise<void> {
    const keeper = this.#find(name, "remove");
    await keeper.close();
    // Somebody else may have removed it as well, and added another one since.
    if (this.#keepers.get(name) === keeper) this.#keepers.delete(name);
  }

  /**
   * What happens, from this call on: one report for each incident, in order, and the events of each guest's life.
   *
   * @returns A bounded stream of reports; dispose of it. It ends with the supervisor.
   */
  reports(): EventStream<Report> {
    const stream: EventStream<Report> = new EventStream<Report>({
      onDispose: () => this.#streams.delete(stream),
    });
    if (this.#reporting === "ended") stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /**
   * Ends the supervision. Resolves when every guest that is to stop has stopped, and nothing of it is left; called again, it waits
   * for the same end.
   *
   * @param options `stop` stops the guests; `leave` lets them run on, which only detached ones can.
   * @throws {TypeError} When guests are to be left that end with this process.
   */
  close(options: { vms: "stop" | "leave" }): Promise<void> {
    if (options.vms === "leave" && this.#lifetime !== "detached") {
      return Promise.reject(
        new TypeError(
          'Cannot leave the guests running: they end with this process; open the supervisor with lifetime: "detached"',
        ),
      );
    }
    this.#closing ??= this.#close(options.vms);
    return this.#closing;
  }

  /** Stops the guests and ends the supervision; after a `close` that left them running, it does nothing. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ vms: "stop" });
  }

  async #close(vms: "stop" | "leave"): Promise<void> {
    try {
      const keepers = [...this.#keepers.values()];
      await Promise.all(keepers.map((keeper) => vms === "stop" ? keeper.close() : keeper.leave()));
    } finally {
      // Not before the guests have stopped: a signal that comes meanwhile waits for them too.
      this.#guard?.[Symbol.dispose]();
      this.#reporting = "ended";
      for (const stream of this.#streams) stream.end();
      this.#streams.clear();
    }
  }

  /** Ends every QEMU without waiting for anything. */
  #kill(): void {
    for (const keeper of this.#keepers.values()) keeper.kill();
  }

  // Async, so that every error is a rejection.
  async #ask(name: string, what: Ask, options: WaitOptions): Promise<GuestStatus> {
    options.signal?.throwIfAborted();
    return await askAndWait(this.#find(name, what), what, options);
  }

  #find(name: string, attempt: string): Keeper {
    if (this.#reporting === "ended") this.#assertOpen(`${attempt} VM "${name}"`);
    const keeper = this.#keepers.get(name);
    if (keeper) return keeper;
    const names = [...this.#keepers.keys()].map((known) => `"${known}"`).join(", ");
    throw new TypeError(
      `Cannot ${attempt} VM "${name}": there is none of that name; there are: ${names || "none"}`,
    );
  }

  #assertOpen(attempt: string): void {
    if (this.#closing === null) return;
    throw new TypeError(`Cannot ${attempt}: its supervisor is closed; open another one`);
  }

  #report(report: Report): void {
    for (const stream of this.#streams) stream.push(report);
  }
}

async function askAndWait(keeper: Keeper, what: Ask, options: WaitOptions): Promise<GuestStatus> {
  keeper.ask(what);
  await keeper.settled(options.signal);
  return statusOf(keeper);
}

function statusOf(keeper: Keeper): GuestStatus {
  const { name, state, vm, lastVerdict, restarts } = keeper;
  const { wanted, phase } = state;
  return { name, wanted, phase, restarts, vm, lastVerdict };
}
