import { parseVmConfig } from "../machine/mod.ts";
import { EventStream, type Logger, silentLogger } from "../qmp/mod.ts";
import { SignalGuard, type Verdict, type Vm } from "../vm/mod.ts";
import { Keeper } from "./keeper.ts";
import type { Phase, Wanted } from "./policy.ts";
import type { Report } from "./report.ts";
import type { SupervisedVm } from "./spec.ts";

/** What a supervisor is opened with. */
export interface SupervisorOptions {
  /** Where run directories are made. Default: where `launch` makes them. */
  runtimeDir?: string;
  /**
   * `owned` (default): the guests end with this process, even when it is killed. `detached`: they outlive it, and `close` may leave them
   * running; needs `runtimeDir`.
   */
  lifetime?: "owned" | "detached";
  /** On SIGINT, SIGTERM and SIGHUP: `stop` (default) stops the guests and lets the signal have its effect; `ignore` does nothing. */
  signals?: "stop" | "ignore";
  /** Told what is neither a result nor a report. Default: silent. */
  logger?: Logger;
}

/** How a supervised guest is. What is wanted and what is are separate facts. */
export interface GuestStatus {
  name: string;
  wanted: Wanted;
  phase: Phase;
  /** How many restarts the limit's period has seen. */
  restarts: number;
  /** The running VM; null while there is none. */
  vm: Vm | null;
  /** Why it last ended; null when it has not yet. */
  lastVerdict: Verdict | null;
}

/** Which of a supervisor's waits may be given up. */
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
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, restart: "on-failure" });
 * assertEquals(supervisor.get("web")?.phase, "up");
 * await supervisor.stop("web");
 * assertEquals((await reports.next()).value.kind, "asked");
 * ```
 */
export class Supervisor implements AsyncDisposable {
  readonly #keepers = new Map<string, Keeper>();
  readonly #streams = new Set<EventStream<Report>>();
  readonly #options: SupervisorOptions;
  readonly #guard: SignalGuard | null;
  #closing: Promise<void> | null = null;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#guard = options.signals === "ignore" ? null : new SignalGuard(() => this.close({ vms: "stop" }));
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
   * @returns How the guest is, once it is up, or its policy has given up.
   * @throws {ConfigError} When the config is wrong.
   * @throws {RangeError} When a number of the policy is out of range.
   * @throws {TypeError} When there is a guest of that name already.
   */
  async add(spec: SupervisedVm, options: WaitOptions = {}): Promise<GuestStatus> {
    const config = parseVmConfig(spec.config);
    const name = config.name ?? "vm";
    if (this.#keepers.has(name)) {
      throw new TypeError(
        `Cannot add VM "${name}": there is one of that name already; remove it first, or choose another name`,
      );
    }
    const keeper = new Keeper(name, { ...spec, config }, {
      runtimeDir: this.#options.runtimeDir ?? null,
      lifetime: this.#options.lifetime ?? "owned",
      logger: this.#options.logger ?? silentLogger,
      report: (body) => this.#report({ at: new Date(), vm: name, ...body }),
    });
    this.#keepers.set(name, keeper);
    keeper.ask("start");
    await keeper.settled(options.signal);
    return statusOf(keeper);
  }

  /** How a guest is; undefined when there is none of that name. */
  get(name: string): GuestStatus | undefined {
    const keeper = this.#keepers.get(name);
    return keeper && statusOf(keeper);
  }

  /** How all guests are, in the order in which they were added. */
  list(): GuestStatus[] {
    return [...this.#keepers.values()].map(statusOf);
  }

  /** Starts a guest that is down or failed; its restart history is forgotten. Resolves when it is up, or its policy has given up. */
  start(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "start", options);
  }

  /** Stops a guest, by the stop ladder. It stays stopped, whatever its policy says. Resolves when QEMU is gone. */
  stop(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "stop", options);
  }

  /** Stops a guest and starts it again. Resolves when it is up again. */
  restart(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "restart", options);
  }

  /** Stops a guest and forgets it. */
  async remove(name: string): Promise<void> {
    const keeper = this.#find(name);
    await keeper.close();
    this.#keepers.delete(name);
  }

  /**
   * What happens, from this call on.
   *
   * @returns A bounded stream of reports; dispose of it. It ends with the supervisor.
   */
  reports(): EventStream<Report> {
    const stream: EventStream<Report> = new EventStream<Report>({
      onDispose: () => this.#streams.delete(stream),
    });
    if (this.#closing) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /**
   * Ends the supervision.
   *
   * @param options `stop` stops the guests; `leave` lets them run on, which only detached ones can.
   * @throws {TypeError} When guests are to be left that end with this process.
   */
  close(options: { vms: "stop" | "leave" }): Promise<void> {
    if (options.vms === "leave" && this.#options.lifetime !== "detached") {
      return Promise.reject(
        new TypeError(
          'Cannot leave the guests running: they end with this process; open the supervisor with lifetime: "detached"',
        ),
      );
    }
    this.#closing ??= this.#close(options.vms);
    return this.#closing;
  }

  /** Stops the guests and ends the supervision. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ vms: "stop" });
  }

  async #close(vms: "stop" | "leave"): Promise<void> {
    this.#guard?.[Symbol.dispose]();
    await Promise.all(
      [...this.#keepers.values()].map((keeper) => vms === "stop" ? keeper.close() : keeper.leave()),
    );
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  async #ask(name: string, what: "start" | "stop" | "restart", options: WaitOptions): Promise<GuestStatus> {
    const keeper = this.#find(name);
    keeper.ask(what);
    await keeper.settled(options.signal);
    return statusOf(keeper);
  }

  #find(name: string): Keeper {
    const keeper = this.#keepers.get(name);
    if (keeper) return keeper;
    const names = [...this.#keepers.keys()].map((known) => `"${known}"`).join(", ");
    throw new TypeError(`There is no VM "${name}" here; there are: ${names || "none"}`);
  }

  #report(report: Report): void {
    for (const stream of this.#streams) stream.push(report);
  }
}

function statusOf(keeper: Keeper): GuestStatus {
  const { name, state, vm, lastVerdict } = keeper;
  const { wanted, phase, history } = state;
  return { name, wanted, phase, restarts: history.times.length, vm, lastVerdict };
}
