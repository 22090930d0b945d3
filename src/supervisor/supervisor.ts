import type { EventStream, Logger } from "../qmp/mod.ts";
import type { Verdict, Vm } from "../vm/mod.ts";
import type { Liveness, Readiness } from "./liveness/mod.ts";
import type { Phase, Wanted } from "./policy_state.ts";
import type { Report } from "./report.ts";
import type { SupervisedVm } from "./spec.ts";
import type { CrashHook } from "./store/mod.ts";

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
  /**
   * Where the guests are remembered; it is made if it is missing. The next supervisor that is opened with it goes on with them: what still runs
   * is taken over, what ended meanwhile is decided about. Without it nothing outlives this process.
   */
  stateDir?: string;
  /** Where run directories are made; it is made if it is missing. Default: where `launch` makes them. */
  runtimeDir?: string;
  /**
   * `owned` (default without a `stateDir`): the guests end with this process, even when it is killed. `detached` (default with one): they
   * outlive it, and `close` may leave them running; needs `stateDir` or `runtimeDir`.
   */
  lifetime?: "owned" | "detached";
  /**
   * On SIGINT, SIGTERM and SIGHUP: `stop` (default) stops the guests and then lets the signal have its effect, at the second one without
   * waiting for them; `leave` leaves them running, which only detached ones can be; `ignore` does nothing.
   */
  signals?: "stop" | "leave" | "ignore";
  /** Told what is neither a result nor a report. Default: silent. */
  logger?: Logger;
  /**
   * How large a file of the journal grows before the next one is begun (default 16 MiB), and how many full ones are kept beside it (default
   * 4). Needs a `stateDir`.
   */
  journal?: { maxBytes?: number; keep?: number };
  /**
   * Whether reports become metrics and spans of OpenTelemetry as well (`npm:@opentelemetry/api`, imported only then). Default `off`. Deno
   * exports them itself when it is told to by `OTEL_DENO=true`. Metrics: `qeeper.vm.ends` (by `qeeper.cause`), `qeeper.vm.starts`,
   * `qeeper.vm.actions` (by `qeeper.action`), `qeeper.vm.up` and `qeeper.vm.run` (seconds), each by `qeeper.vm` too; a span `qeeper.vm.run` is one QEMU.
   */
  telemetry?: "on" | "off";
  /** For tests: is called at each of the points at which a supervisor may die between two things that belong together. */
  crash?: CrashHook;
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
  /** How its QEMU answers; null while there is none. */
  liveness: Liveness | null;
  /** Whether the guest does what it is for, as its readiness probes have it; without any, `ready`; `unknown` while there is no QEMU. */
  readiness: Readiness;
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
export interface Supervisor extends AsyncDisposable {
  /**
   * Adds a guest and starts it.
   *
   * @param spec Config and policy.
   * @param options Signal.
   * @returns How the guest is, once it is up, or its policy has given up: that it can't be started is no error of this call, but
   * `failed` (or `down`) with a `lastVerdict`.
   * @throws {ConfigError} When the config is wrong.
   * @throws {RangeError} When a number of the policy is out of range, or the name is too long for a record in the `stateDir`.
   * @throws {TypeError} When a word of the policy is unknown, there is a guest of that name already, or the supervisor is closing.
   */
  add(spec: SupervisedVm, options?: WaitOptions): Promise<GuestStatus>;

  /**
   * Replaces a guest's config and policy. The policy counts at once, the config from the guest's next start on.
   *
   * @param name The guest's name; that of the config, if it has one, must be the same.
   * @param spec Config and policy.
   * @returns How the guest is.
   * @throws {ConfigError | RangeError | TypeError} As `add` does; then nothing is replaced.
   */
  update(name: string, spec: SupervisedVm): Promise<GuestStatus>;

  /**
   * How a guest is.
   *
   * @param name The guest's name.
   * @returns Its status as it is now; undefined when there is none of that name.
   */
  get(name: string): GuestStatus | undefined;

  /**
   * How all guests are.
   *
   * @returns Their status as it is now, in the order in which they were added.
   */
  list(): GuestStatus[];

  /**
   * Starts a guest that is down, preserved or failed, or does not let it wait for its restart; earlier restarts are forgotten.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once it is up, or its policy has given up.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closing.
   */
  start(name: string, options?: WaitOptions): Promise<GuestStatus>;

  /**
   * Stops a guest, by the stop ladder, or gives up its start. It stays stopped, whatever its policy says.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once QEMU is gone.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closed.
   */
  stop(name: string, options?: WaitOptions): Promise<GuestStatus>;

  /**
   * Stops a guest and starts it again, as a new process; earlier restarts are forgotten. One that is being started already is left to it.
   *
   * @param name The guest's name.
   * @param options Signal.
   * @returns How the guest is, once it is up again, or its policy has given up.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closing.
   */
  restart(name: string, options?: WaitOptions): Promise<GuestStatus>;

  /**
   * Forgets a guest's earlier restarts. One that has failed is then down, and stays so until it is started.
   *
   * @param name The guest's name.
   * @returns How the guest is.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closing.
   */
  clear(name: string): Promise<GuestStatus>;

  /**
   * Stops a guest and forgets it. Its name is free again when this resolves.
   *
   * @param name The guest's name.
   * @throws {TypeError} When there is no guest of that name, or the supervisor is closed.
   */
  remove(name: string): Promise<void>;

  /**
   * What happens, from this call on: one report for each incident, in order, and the events of each guest's life. The first stream begins
   * with what happened while the supervisor was opened.
   *
   * @returns A bounded stream of reports; dispose of it. It ends with the supervisor. Who reads too slowly loses the oldest: how many is in
   * `lagged`, and the journal has them.
   */
  reports(): EventStream<Report>;

  /**
   * Ends the supervision. Resolves when every guest that is to stop has stopped, and nothing of it is left; called again, it waits
   * for the same end. A guest that is stopped by this alone is started again by the next supervisor of the same `stateDir`.
   *
   * @param options `stop` stops the guests; `leave` lets them run on, which only detached ones can.
   * @throws {TypeError} When guests are to be left that end with this process.
   */
  close(options: { vms: "stop" | "leave" }): Promise<void>;
}

/** Opens supervisors. */
export const Supervisor: {
  /**
   * Opens a supervisor. Where there is a `stateDir`, it takes over what an earlier one left: see {@linkcode Report} for what it finds.
   *
   * @param options Where guests are remembered and run, how long they live, signals, logger.
   * @returns The supervisor; dispose of it to stop its guests.
   * @throws {RangeError | TypeError} When an option is wrong, or guests are to be detached and nobody would find them again.
   * @throws {StateLockedError} When another supervisor has the `stateDir`; it names that one's pid.
   * @throws {StateError} When the `stateDir` can't be read or written, or was written by a newer version; then nothing was changed.
   */
  open(options?: SupervisorOptions): Promise<Supervisor>;
} = {
  async open(options = {}) {
    // Loaded when it is wanted: a script that only launches does without.
    const { RunningSupervisor } = await import("./running_supervisor.ts");
    return await RunningSupervisor.open(options);
  },
};
