import { parseVmConfig, type VmConfig } from "../machine/mod.ts";
import { isObject } from "../machine/schema_words.ts";
import { EventStream, type Logger, silentLogger } from "../qmp/mod.ts";
import { runRoot, SignalGuard } from "../vm/mod.ts";
import { checkOptions } from "./check_options.ts";
import { type Ask, Keeper, type KeeperHost } from "./keeper.ts";
import { LivenessWatch } from "./liveness/mod.ts";
import { recallAll } from "./recall_all.ts";
import type { Report } from "./report.ts";
import type { SupervisedVm } from "./spec.ts";
import { StateDir } from "./state_dir.ts";
import type { Telemetry } from "./telemetry.ts";
import { noCrash, type VmRecord } from "./store/mod.ts";
import { recordFileName } from "./store/record_file.ts";
import type { GuestStatus, Supervisor, SupervisorOptions, WaitOptions } from "./supervisor.ts";

/** A supervisor that was opened. */
export class RunningSupervisor implements Supervisor {
  readonly #keepers = new Map<string, Keeper>();
  readonly #streams = new Set<EventStream<Report>>();
  /** What happened before anybody could listen. */
  #early: Report[] | null = [];
  readonly #lifetime: "owned" | "detached";
  readonly #runtimeDir: string | null;
  readonly #logger: Logger;
  readonly #options: SupervisorOptions;
  readonly #stateDir: StateDir | null;
  readonly #telemetry: Telemetry | null;
  readonly #watch: LivenessWatch;
  readonly #guard: SignalGuard | null;
  #closing: Promise<void> | null = null;
  #reporting: "open" | "ended" = "open";

  private constructor(
    options: SupervisorOptions,
    runtimeDir: string | null,
    stateDir: StateDir | null,
    telemetry: Telemetry | null,
  ) {
    this.#telemetry = telemetry;
    const { signals = "stop", logger = silentLogger } = options;
    this.#options = options;
    this.#lifetime = options.lifetime ?? (stateDir === null ? "owned" : "detached");
    this.#runtimeDir = runtimeDir;
    this.#stateDir = stateDir;
    this.#logger = logger;
    this.#watch = new LivenessWatch({
      clockJumped: (byMs) => {
        for (const keeper of this.#keepers.values()) keeper.clockJumped(byMs);
      },
    });
    this.#guard = signals === "ignore" ? null : new SignalGuard(
      () => this.close({ vms: signals }),
      () => {
        if (signals === "stop") this.#kill();
      },
    );
  }

  /** See {@linkcode Supervisor.open}. */
  static async open(options: SupervisorOptions): Promise<RunningSupervisor> {
    checkOptions(options);
    const { stateDir: path, logger = silentLogger, journal = {}, crash = noCrash } = options;
    const named = options.runtimeDir === undefined ? null : absolute(options.runtimeDir);
    const lifetime = options.lifetime ?? (path === undefined ? "owned" : "detached");
    if (options.signals === "leave" && lifetime === "owned") {
      throw new TypeError(
        'Cannot leave the guests running on a signal: they end with this process; open the supervisor with a stateDir, or lifetime: "detached"',
      );
    }
    if (path === undefined) {
      if (options.lifetime === "detached" && named === null) {
        throw new TypeError(
          "Cannot supervise detached guests without a stateDir or a runtimeDir: nobody would find them again",
        );
      }
      return new RunningSupervisor(options, named, null, await telemetryOf(options));
    }
    // Where they run has to be known before they do.
    const runtimeDir = named ?? await runRoot();
    const { stateDir, remembered } = await StateDir.open(absolute(path), { logger, journal, crash });
    const supervisor = new RunningSupervisor(options, runtimeDir, stateDir, await telemetryOf(options));
    try {
      for (const { name, movedTo, error } of remembered.broken) {
        const why = `${error.message}; it was set aside as ${movedTo}, and its QEMU may still run`;
        const report: Report = {
          ...{ at: new Date(), vm: name, kind: "not-adopted", found: "unverifiable", why, actions: [] },
        };
        supervisor.#report(report);
        await stateDir.memoryOf(name, null).write([{ report, run: null, snapshot: null }]);
      }
      await supervisor.#goOnWith(remembered.records, stateDir, runtimeDir);
      return supervisor;
    } catch (error) {
      await supervisor.close({ vms: supervisor.#lifetime === "detached" ? "leave" : "stop" });
      throw error;
    }
  }

  async add(spec: SupervisedVm, options: WaitOptions = {}): Promise<GuestStatus> {
    options.signal?.throwIfAborted();
    assertSpec(spec, "add a VM");
    const config = this.#identified(parseVmConfig(spec.config));
    const name = config.name ?? "vm";
    this.#assertOpen(`add VM "${name}"`);
    if (this.#keepers.has(name)) {
      throw new TypeError(
        `Cannot add VM "${name}": there is one of that name already; remove it first, or choose another name`,
      );
    }
    // A name of which there can be no record would fail each start.
    if (this.#stateDir !== null) recordFileName(name);
    const keeper = new Keeper(name, { ...spec, config }, this.#hostOf(name, null));
    this.#keepers.set(name, keeper);
    return await askAndWait(keeper, "start", options);
  }

  async update(name: string, spec: SupervisedVm): Promise<GuestStatus> {
    const keeper = this.#find(name, "update");
    assertSpec(spec, `update VM "${name}"`);
    const config = parseVmConfig(spec.config);
    if ((config.name ?? name) !== name) {
      throw new TypeError(
        `Cannot update VM "${name}": its config has the name "${config.name}"; a guest keeps its name`,
      );
    }
    const { uuid } = keeper.spec.config;
    keeper.update({ ...spec, config: { name, ...(uuid === undefined ? {} : { uuid }), ...config } });
    await keeper.written;
    return statusOf(keeper);
  }

  get(name: string): GuestStatus | undefined {
    const keeper = this.#keepers.get(name);
    return keeper && statusOf(keeper);
  }

  list(): GuestStatus[] {
    return [...this.#keepers.values()].map(statusOf);
  }

  start(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "start", options);
  }

  stop(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "stop", options);
  }

  restart(name: string, options: WaitOptions = {}): Promise<GuestStatus> {
    return this.#ask(name, "restart", options);
  }

  async clear(name: string): Promise<GuestStatus> {
    const keeper = this.#find(name, "clear");
    keeper.ask("clear");
    await keeper.written;
    return statusOf(keeper);
  }

  async remove(name: string): Promise<void> {
    const keeper = this.#find(name, "remove");
    await keeper.forget();
    // Somebody else may have removed it as well, and added another one since.
    if (this.#keepers.get(name) === keeper) this.#keepers.delete(name);
  }

  reports(): EventStream<Report> {
    const stream: EventStream<Report> = new EventStream<Report>({
      onDispose: () => this.#streams.delete(stream),
    });
    for (const report of this.#early ?? []) stream.push(report);
    this.#early = null;
    if (this.#reporting === "ended") stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  close(options: { vms: "stop" | "leave" }): Promise<void> {
    if (options.vms !== "stop" && options.vms !== "leave") {
      return Promise.reject(
        new TypeError(
          `Cannot close the supervisor as 'vms' must be one of stop, leave: current value is ${options.vms}`,
        ),
      );
    }
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

  async #goOnWith(records: readonly VmRecord[], stateDir: StateDir, runtimeDir: string): Promise<void> {
    const keepers = await recallAll(records, {
      stateDir: stateDir.path,
      runtimeDir,
      logger: this.#logger,
      crash: this.#options.crash ?? noCrash,
      hostOf: (record) => this.#hostOf(record.name, record),
    });
    for (const keeper of keepers) this.#keepers.set(keeper.name, keeper);
  }

  #hostOf(name: string, from: VmRecord | null): KeeperHost {
    return {
      runtimeDir: this.#runtimeDir,
      lifetime: this.#lifetime,
      logger: this.#logger,
      memory: this.#stateDir?.memoryOf(name, from) ?? null,
      crash: this.#options.crash ?? noCrash,
      watch: this.#watch,
      dumpDir: `${this.#stateDir?.path ?? this.#runtimeDir ?? Deno.cwd()}/dumps`,
      report: (report) => this.#report(report),
    };
  }

  /** A guest that is to be found again needs something to know it by. */
  #identified(config: VmConfig): VmConfig {
    return this.#stateDir === null ? config : { uuid: crypto.randomUUID(), ...config };
  }

  async #close(vms: "stop" | "leave"): Promise<void> {
    try {
      const keepers = [...this.#keepers.values()];
      await Promise.all(keepers.map((keeper) => vms === "stop" ? keeper.close() : keeper.leave()));
      await this.#watch[Symbol.asyncDispose]();
      await this.#stateDir?.[Symbol.asyncDispose]();
    } finally {
      // Not before the guests have stopped: a signal that comes meanwhile waits for them too.
      this.#guard?.[Symbol.dispose]();
      this.#reporting = "ended";
      this.#telemetry?.[Symbol.dispose]();
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
    this.#telemetry?.note(report);
    this.#early?.push(report);
    for (const stream of this.#streams) stream.push(report);
  }
}

async function askAndWait(keeper: Keeper, what: Ask, options: WaitOptions): Promise<GuestStatus> {
  keeper.ask(what);
  await keeper.settled(options.signal);
  return statusOf(keeper);
}

function statusOf(keeper: Keeper): GuestStatus {
  const { name, state, vm, lastVerdict, restarts, liveness, readiness } = keeper;
  const { wanted, phase } = state;
  return { name, wanted, phase, liveness, readiness, restarts, vm, lastVerdict };
}

/** QEMU runs in a directory of its own, where a relative path would mean something else. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

async function telemetryOf({ telemetry = "off" }: SupervisorOptions): Promise<Telemetry | null> {
  if (telemetry === "off") return null;
  const { Telemetry } = await import("./telemetry.ts");
  return new Telemetry();
}

/** A script without types may give anything. */
function assertSpec(spec: unknown, attempt: string): void {
  if (!isObject(spec)) {
    throw new TypeError(
      `Cannot ${attempt}: expected { config, ... }, found ${spec === null ? "null" : typeof spec}`,
    );
  }
}
