import { type ConfigIssue, messageOf, type NewConfigIssue, wholeIssues } from "../../machine/config_error.ts";
import type { EventStream, Logger } from "../../qmp/mod.ts";
import type { GuestStatus, Supervisor, WaitOptions } from "../supervisor.ts";
import type { GroupConfig } from "./group.ts";
import type { GroupReport } from "./group_report.ts";
import type { MemberPhase } from "./next_steps.ts";

/**
 * What a group is opened with.
 *
 * @example
 * ```ts
 * import { type GroupOptions, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const runtimeDir = await Deno.makeTempDir({ prefix: "q" });
 * const options: GroupOptions = { runtimeDir };
 * const config = { vms: { db: { config: {}, helpers: [{ name: "log", command: ["cat"] }] } } };
 * {
 *   await using supervisor = await Supervisor.open({ signals: "ignore" });
 *   await using _group = await openGroup(supervisor, config, options);
 *   assertEquals((await Array.fromAsync(Deno.readDir(runtimeDir))).length, 1);
 * }
 * await Deno.remove(runtimeDir); // it is empty again
 * ```
 */
export interface GroupOptions {
  /** Where relative file names of the group start, and its helpers run. Default: the current directory. */
  folder?: string;
  /**
   * Where the group's private directory for sockets is made (`{run}`); it is made if it is missing. Default: where `launch` makes run
   * directories.
   */
  runtimeDir?: string;
  /**
   * The supervisor's own `stateDir`, so that what helpers it has is remembered there: they then outlive this process, as its QEMUs do. Without
   * it they end with it.
   */
  stateDir?: string;
  /** Told what is neither a result nor a report. Default: silent. */
  logger?: Logger;
}

/**
 * How a member of a group is.
 *
 * @example
 * ```ts
 * import { type MemberStatus, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const line = ({ name, phase, waitsFor }: MemberStatus) => `${name}: ${phase}, waits for: ${waitsFor.join(", ")}`;
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const config = { vms: { db: { config: {} }, web: { config: {}, dependsOn: ["db"] } } };
 * await using group = await openGroup(supervisor, config);
 * assertEquals(group.list().map(line), ["db: down, waits for: ", "web: down, waits for: db"]);
 * ```
 */
export interface MemberStatus {
  /** The guest's name. */
  name: string;
  /** What is wanted: by the operator, or by a policy that is done with it. */
  wanted: "up" | "down";
  /** Where it is. */
  phase: MemberPhase;
  /** How many of its restarts its limit counts now. */
  restarts: number;
  /** What it depends on that is not ready now. */
  waitsFor: readonly string[];
  /** Its helpers that run. */
  helpers: readonly { name: string; pid: number }[];
  /** What the supervisor says of it; null before its first start. */
  guest: GuestStatus | null;
}

/**
 * Guests that belong together, under a supervisor: started in the order of their dependencies, stopped in reverse, restarted together as
 * their strategy has it, with their helpers around them.
 *
 * What is asked of a member is asked of its group. What its supervisor is asked is understood, but then a QEMU may be tried that has no
 * helpers yet, before it is started in order.
 *
 * @example
 * ```ts
 * import { openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const guest = { config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } } as const;
 * await using group = await openGroup(supervisor, {
 *   strategy: "rest-for-one",
 *   vms: { db: guest, web: { ...guest, dependsOn: ["db"] } },
 * });
 * using reports = group.reports();
 * await group.start();
 * await supervisor.get("db")?.vm?.kill(); // somebody, or the kernel when memory runs out
 *
 * for await (const report of reports) {
 *   if (report.kind !== "restart-planned") continue;
 *   assertEquals(report.plan, { stop: [["web"], ["db"]], start: [["db"], ["web"]] });
 *   break;
 * }
 * ```
 */
export interface VmGroup extends AsyncDisposable {
  /** The group's name. */
  readonly name: string;

  /**
   * How a member is.
   *
   * @param name The member.
   * @returns Its status as it is now; undefined when there is none of that name.
   */
  get(name: string): MemberStatus | undefined;

  /** How all members are, in the group's own order. */
  list(): MemberStatus[];

  /**
   * Starts the group, or one member and what it depends on; earlier restarts are forgotten.
   *
   * @param name The member; default: all.
   * @param options Signal.
   * @returns How all members are, once nothing more is under way: they are ready, or their policies have given up.
   * @throws {TypeError} When there is no such member, or the group is closed.
   */
  start(name?: string, options?: WaitOptions): Promise<MemberStatus[]>;

  /**
   * Stops the group, or one member; what depends on it is stopped first.
   *
   * @param name The member; default: all.
   * @param options Signal.
   * @returns How all members are, once nothing more is under way.
   * @throws {TypeError} When there is no such member.
   */
  stop(name?: string, options?: WaitOptions): Promise<MemberStatus[]>;

  /**
   * Restarts a member, its helpers, and whoever the strategy has restarted with it; its earlier restarts are forgotten.
   *
   * @param name The member.
   * @param options Signal.
   * @returns How all members are, once nothing more is under way.
   * @throws {TypeError} When there is no such member, or the group is closed.
   */
  restart(name: string, options?: WaitOptions): Promise<MemberStatus[]>;

  /** Ends every QEMU and helper of the group without waiting for anything; none is started again. */
  kill(): void;

  /**
   * Waits until nothing of the group runs, and nothing will be started by itself.
   *
   * @param options Signal.
   */
  down(options?: WaitOptions): Promise<void>;

  /**
   * What happens, from this call on; the first stream begins with what happened while the group was opened.
   *
   * @returns A bounded stream of reports; dispose of it. It ends with the group.
   */
  reports(): EventStream<GroupReport>;

  /**
   * Ends the group. Called again, it waits for the same end. The supervisor still has its guests, and is closed afterwards.
   *
   * @param options `stop` stops it, in order; `leave` leaves its helpers running, and its guests to the supervisor.
   * @throws {TypeError} When helpers are to be left that end with this process.
   */
  close(options: { vms: "stop" | "leave" }): Promise<void>;
}

/**
 * Opens a group: checks it and takes over what of it runs already. Nothing is started yet.
 *
 * @param supervisor What keeps its guests. Let it be opened with `signals: "ignore"`: at a signal it would stop them all at once, and
 * `SignalGuard` stops the group in order.
 * @param config The group.
 * @param options Folders, logger.
 * @returns The group; dispose of it to stop it.
 * @throws {GroupError | TypeError} When the config is wrong; with relative file names made absolute it may also be a socket's path that is
 * too long.
 *
 * @example In order also at Ctrl-C
 * ```ts
 * import { openGroup, SignalGuard, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * await using group = await openGroup(supervisor, { vms: { db: { config: { machine: "none", accel: "tcg" } } } });
 * using _guard = new SignalGuard(() => group.stop(), () => group.kill());
 * assertEquals(group.get("db")?.phase, "down");
 * ```
 */
export async function openGroup(
  supervisor: Supervisor,
  config: GroupConfig,
  options: GroupOptions = {},
): Promise<VmGroup> {
  // Loaded when it is wanted: a script that only launches does without.
  const { RunningGroup } = await import("./running_group.ts");
  return await RunningGroup.open(supervisor, config, options);
}

/**
 * A group that is not started: unknown keys, wrong types, names that nobody has, guests that wait for each other. Its message has every
 * issue, its `issues` have them apart.
 *
 * @example
 * ```ts
 * import { GroupError, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const vms = { db: { config: {} }, web: { config: { cpus: 0 }, dependsOn: ["dbb"] } };
 * const error = await assertRejects(() => openGroup(supervisor, { vms }), GroupError);
 * assertEquals(error.issues.map(({ path }) => path), ["vms.web.config.cpus", "vms.web.dependsOn[0]"]);
 * ```
 */
export class GroupError extends Error {
  /** The error's class, for those who can't use `instanceof`. */
  override readonly name = "GroupError";
  /** What is wrong. */
  readonly issues: readonly ConfigIssue[];

  /**
   * An error about a group.
   *
   * @param issues What is wrong, one at least.
   */
  constructor(issues: readonly NewConfigIssue[]) {
    const whole = wholeIssues(issues);
    super(messageOf("Invalid group", whole));
    this.issues = whole;
  }
}
