import type { EventStream, Logger } from "../../qmp/mod.ts";
import { silentLogger } from "../../qmp/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { recentRestarts } from "../backoff.ts";
import type { Report } from "../report.ts";
import type { Supervisor, WaitOptions } from "../supervisor.ts";
import { keepHistory, type KeptHistory } from "../kept_history.ts";
import { Tasks } from "../tasks.ts";
import type { GroupConfig } from "./group.ts";
import { GroupMind } from "./group_mind.ts";
import type { GroupReport } from "./group_report.ts";
import type { GroupRecord } from "./group_record.ts";
import type { HelperProcess } from "./helper_process.ts";
import type { Member } from "./member.ts";
import { bringDown, bringUp, HelperStartError, type MemberHost } from "./member_processes.ts";
import { goalToStart, isAtRest, nextSteps, waitsFor } from "./next_steps.ts";
import { dependentsOf, neededBy } from "./order.ts";
import { parseGroup } from "./parse_group.ts";
import { type PreparedGroup, prepareGroup } from "./prepare_group.ts";
import { ReportHub } from "./report_hub.ts";
import type { GroupShape } from "./strategy.ts";
import { takeOver } from "./take_over.ts";
import type { GroupOptions, MemberStatus, VmGroup } from "./vm_group.ts";

/**
 * How long after the end of a helper its QEMU is given to be seen to have ended as well, in milliseconds: some helpers end with their QEMU,
 * and are then quicker (90 were the most under load).
 */
const QEMU_GRACE_MS = 300;

/** A group that was opened. */
export class RunningGroup implements VmGroup {
  readonly name: string;
  readonly #shape: GroupShape;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #prepared: PreparedGroup;
  readonly #supervisor: Supervisor;
  readonly #logger: Logger;
  readonly #mind: GroupMind;
  readonly #host: MemberHost;
  readonly #hub = new ReportHub();
  readonly #incoming: EventStream<Report>;
  readonly #openedMs: number = Date.now();
  readonly #tasks = new Tasks();
  readonly #gone = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #closing: Promise<void> | null = null;
  #state: "open" | "closed" = "open";

  private constructor(
    supervisor: Supervisor,
    config: GroupConfig,
    prepared: PreparedGroup,
    logger: Logger,
  ) {
    const { name = "group", strategy = "one-for-one", vms } = config;
    this.name = name;
    const dependencies = new Map(Object.entries(vms).map(([vm, { dependsOn = [] }]) => [vm, dependsOn]));
    this.#shape = { strategy, dependencies };
    this.#members = prepared.members;
    this.#prepared = prepared;
    this.#supervisor = supervisor;
    this.#logger = logger;
    this.#mind = new GroupMind(this.#shape, this.#members, {
      guest: (vm) => supervisor.get(vm),
      tell: (report) => this.#hub.tell(report),
      changed: () => this.#advance(),
    });
    this.#host = {
      supervisor,
      logger,
      helperStarted: (member, helper) => this.#helperStarted(member, helper),
    };
    this.#incoming = supervisor.reports();
  }

  /** See `openGroup`. */
  static async open(
    supervisor: Supervisor,
    input: GroupConfig,
    options: GroupOptions,
  ): Promise<RunningGroup> {
    const config = parseGroup(input);
    const { logger = silentLogger } = options;
    const prepared = await prepareGroup(config, options, logger);
    const group = new RunningGroup(supervisor, config, prepared, logger);
    try {
      await takeOver(prepared, {
        ...group.#host,
        mind: group.#mind,
        watch: (member, helper) => group.#watch(member, helper),
      });
    } catch (error) {
      group.#incoming[Symbol.dispose]();
      throw error;
    }
    globalThis.addEventListener("unload", () => group.#killHelpers(), { signal: group.#gone.signal });
    group.#reading = group.#read();
    group.#advance();
    return group;
  }

  get(name: string): MemberStatus | undefined {
    const member = this.#members.get(name);
    return member && this.#statusOf(member);
  }

  list(): MemberStatus[] {
    return [...this.#members.values()].map((member) => this.#statusOf(member));
  }

  async start(name?: string, options: WaitOptions = {}): Promise<MemberStatus[]> {
    options.signal?.throwIfAborted();
    this.#assertOpen("start");
    for (const member of this.#named(name, "start", neededBy)) {
      if (isAtRest(member)) member.forgive();
      member.goal = goalToStart(member);
    }
    return await this.#settled(options);
  }

  async stop(name?: string, options: WaitOptions = {}): Promise<MemberStatus[]> {
    options.signal?.throwIfAborted();
    for (const member of this.#named(name, "stop", dependentsOf)) {
      member.goal = "down";
      member.forgive();
    }
    return await this.#settled(options);
  }

  async restart(name: string, options: WaitOptions = {}): Promise<MemberStatus[]> {
    options.signal?.throwIfAborted();
    this.#assertOpen("restart");
    for (const member of this.#named(name, "restart", () => new Set())) this.#mind.restart(member);
    return await this.#settled(options);
  }

  kill(): void {
    for (const member of this.#members.values()) {
      member.goal = "down";
      member.forgive();
      member.starting?.giveUp.abort(new Error("The start was given up because the group was killed"));
      const { name } = member;
      this.#supervisor.get(name)?.vm?.kill().catch((error: unknown) =>
        this.#logger.warn("A QEMU could not be killed", { vm: name, error })
      );
    }
    this.#killHelpers();
    this.#advance();
  }

  async down({ signal }: WaitOptions = {}): Promise<void> {
    await this.#until(() => this.#isSettled() && [...this.#members.values()].every(isAtRest), signal);
  }

  reports(): EventStream<GroupReport> {
    return this.#hub.listen();
  }

  close({ vms }: { vms: "stop" | "leave" }): Promise<void> {
    if (vms === "leave" && this.#prepared.file === null && this.#helpers().length > 0) {
      return Promise.reject(
        new TypeError(
          "Cannot leave the group running: its helpers end with this process; open it with the supervisor's stateDir",
        ),
      );
    }
    this.#closing ??= this.#close(vms);
    return this.#closing;
  }

  /** Stops the group; after a `close` that left it running, it does nothing. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ vms: "stop" });
  }

  /** Follows what the supervisor says, to its end. */
  async #read(): Promise<void> {
    for await (const report of this.#incoming) {
      const member = this.#members.get(report.vm);
      if (member === undefined) continue;
      // What was before is known from how the guests were then.
      if (report.at.getTime() < this.#openedMs) this.#hub.tell(report);
      else this.#mind.noteReport(member, report);
      this.#advance();
    }
    for (const member of this.#members.values()) member.endReports();
    this.#advance();
  }

  /** Begins whatever can be begun. */
  #advance(): void {
    if (this.#state === "open") {
      const { stop, start } = nextSteps(this.#shape, this.#members);
      for (const name of stop) this.#stopMember(name);
      for (const name of start) this.#startMember(name);
    }
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
  }

  #startMember(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    member.phase = "starting";
    const giveUp = new AbortController();
    const start = async () => {
      try {
        // Whoever goes on should this process die is to know of this start.
        await this.#save();
        await bringUp(member, this.#host, giveUp.signal);
      } catch (error) {
        if (giveUp.signal.aborted) return;
        if (error instanceof HelperStartError) this.#mind.noteHelperFailure(member, error);
        else this.#mind.noteRefusal(member, error);
        this.#advance();
      } finally {
        member.starting = null;
      }
    };
    const done = start();
    member.starting = { done, giveUp };
    this.#tasks.add(done);
  }

  #stopMember(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    member.phase = "stopping";
    clearTimeout(member.deadline);
    member.deadline = undefined;
    const stop = async () => {
      const found = await bringDown(member, this.#host);
      await this.#save();
      if (found === "left-alone") member.atRest = "failed";
      if (found === "left-alone" || member.goal === "down") member.goal = "down";
      else member.goal = "up";
      if (member.goal === "down") member.phase = member.atRest;
      else member.phase = member.backoff === undefined ? "down" : "backoff";
      this.#advance();
    };
    this.#tasks.add(stop());
  }

  async #helperStarted(member: Member, helper: HelperProcess): Promise<void> {
    const { name, pid, log } = helper;
    this.#watch(member, helper);
    await this.#save();
    this.#hub.tell({ at: new Date(), vm: member.name, kind: "helper-started", helper: name, pid, log });
  }

  /** Notices the end of a helper that nobody asked to end. */
  #watch(member: Member, helper: HelperProcess): void {
    const onEnd = member.plans.find(({ name }) => name === helper.name)?.onEnd ?? "report";
    const watch = async () => {
      const end = await helper.ended;
      if (!member.helpers.includes(helper)) return;
      // It may have ended with its QEMU, whose end then says what is to be done.
      const { vm } = this.#supervisor.get(member.name) ?? {};
      const guestEnd = vm ? vm.stopped : member.hasLife ? member.lifeOver : null;
      if (guestEnd !== null && await inTime(guestEnd, QEMU_GRACE_MS)) return;
      if (!member.helpers.includes(helper)) return;
      member.helpers = member.helpers.filter((one) => one !== helper);
      this.#mind.noteHelperEnd(member, helper, end, onEnd);
      await this.#save();
      this.#advance();
    };
    watch().catch((error) => this.#logger.error("A helper's end could not be followed", { error }));
  }

  #statusOf(member: Member): MemberStatus {
    const { name, goal, phase, policy, history, helpers } = member;
    return {
      name,
      wanted: goal === "down" ? "down" : "up",
      phase,
      restarts: recentRestarts(policy.limit, history, performance.now()).length,
      waitsFor: waitsFor(this.#shape.dependencies, this.#members, name),
      helpers: helpers.filter(({ isRunning }) => isRunning).map(({ name, pid }) => ({ name, pid })),
      guest: this.#supervisor.get(name) ?? null,
    };
  }

  /** One member and those that belong to it, or all. */
  #named(
    name: string | undefined,
    attempt: string,
    withThem: (dependencies: GroupShape["dependencies"], name: string) => ReadonlySet<string>,
  ): Member[] {
    if (name === undefined) return [...this.#members.values()];
    if (!this.#members.has(name)) {
      const names = [...this.#members.keys()].map((known) => `"${known}"`).join(", ");
      throw new TypeError(
        `Cannot ${attempt} VM "${name}": group "${this.name}" has none of that name; it has: ${names}`,
      );
    }
    const others = withThem(this.#shape.dependencies, name);
    return [...this.#members.values()].filter((member) => member.name === name || others.has(member.name));
  }

  #assertOpen(attempt: string): void {
    if (this.#closing === null) return;
    throw new TypeError(`Cannot ${attempt} group "${this.name}": it is closed; open it again`);
  }

  async #settled({ signal }: WaitOptions): Promise<MemberStatus[]> {
    this.#advance();
    await this.#until(() => this.#isSettled(), signal);
    return this.list();
  }

  /** Nothing is under way, and nothing will be by itself. */
  #isSettled(): boolean {
    const { stop, start } = nextSteps(this.#shape, this.#members);
    if (stop.length + start.length > 0) return false;
    return [...this.#members.values()].every(({ phase, deadline }) =>
      !["starting", "stopping", "ending", "backoff"].includes(phase) && deadline === undefined
    );
  }

  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!isSo()) {
      signal?.throwIfAborted();
      const { promise, reject } = Promise.withResolvers<never>();
      const aborted = () => reject(signal?.reason);
      signal?.addEventListener("abort", aborted, { once: true });
      try {
        await Promise.race([this.#changed.promise, promise]);
      } finally {
        signal?.removeEventListener("abort", aborted);
      }
    }
  }

  async #close(vms: "stop" | "leave"): Promise<void> {
    if (vms === "stop") {
      await this.stop();
      await this.down();
    }
    this.#state = "closed";
    for (const member of this.#members.values()) {
      member.clearTimers();
      member.starting?.giveUp.abort(new Error("The start was given up because the group was closed"));
    }
    await this.#tasks.idle();
    for (const helper of this.#helpers()) helper.leave();
    await this.#save();
    if (vms === "stop") await this.#removeTraces();
    this.#incoming[Symbol.dispose]();
    await this.#reading;
    this.#gone.abort();
    this.#hub.end();
  }

  async #removeTraces(): Promise<void> {
    const { file, place } = this.#prepared;
    await file?.remove();
    try {
      await Deno.remove(place.runDir, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #save(): Promise<void> {
    const { file, place } = this.#prepared;
    if (file === null) return;
    const now = Date.now();
    const histories: Record<string, KeptHistory> = {};
    const record: GroupRecord = { version: 1, runDir: place.runDir, savedAt: now, histories, helpers: {} };
    for (const { name, helpers, history } of this.#members.values()) {
      record.helpers[name] = helpers.flatMap(({ record }) => record === null ? [] : [record]);
      if (history.times.length > 0) histories[name] = keepHistory(history, performance.now(), now);
    }
    await file.write(record);
  }

  #helpers(): HelperProcess[] {
    return [...this.#members.values()].flatMap(({ helpers }) => helpers);
  }

  #killHelpers(): void {
    for (const helper of this.#helpers()) helper.kill();
  }
}
