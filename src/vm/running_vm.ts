import { abortable } from "@std/async/abortable";
import type { QgaClient } from "../qga/mod.ts";
import { parseUsernet, type UsernetForward } from "../machine/mod.ts";
import {
  type AnyQmpEvent,
  type EventStream,
  QmpClient,
  type QmpEvent,
  type QmpEvents,
  type StatusInfo,
} from "../qmp/mod.ts";
import type { InProcessEnd } from "./end_tracker.ts";
import { EventHub } from "./event_hub.ts";
import { finalShutdown } from "./evidence.ts";
import { GuestEnds } from "./guest_ends.ts";
import type { HmpMonitor } from "./hmp_monitor.ts";
import { resetGuest } from "./reset.ts";
import { takeScreenshot } from "./screenshot.ts";
import type { SerialConsole } from "./serial_console.ts";
import { climb } from "./stop.ts";
import { checkBudgets, DEFAULT_STOP, DISPOSE_STOP, type StopOptions, type StopRung } from "./stop_ladder.ts";
import { judge, judgeRelease } from "./verdict.ts";
import type { ExitStatus, Intent, TripleFault, Verdict } from "./verdict_types.ts";
import type { ShutdownOptions, Vm, VmCallOptions } from "./vm.ts";
import type { VmParts } from "./vm_parts.ts";
import { inTime } from "./waiting.ts";

/** How long the sockets may take to deliver what QEMU sent before it ended, in milliseconds (35 was the longest seen). */
const DRAIN_MS = 2_000;
/** How much of what the guest said goes into a verdict, in characters. */
const CONSOLE_TAIL_CHARS = 4 * 1024;
/** How long disposing may take in all, in milliseconds. Only a process that the kernel itself can't end takes so long. */
const DISPOSE_MS = 5_000;

/** One running QEMU, launched or attached: the `Vm` that people see. */
export class RunningVm implements Vm {
  readonly name: string;
  readonly argv: readonly string[] | null;
  readonly qmp: QmpClient;
  readonly monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  readonly console: SerialConsole | null;
  readonly agent: QgaClient | null;
  readonly stopped: Promise<Verdict>;
  readonly #parts: VmParts;
  readonly #hub: EventHub;
  readonly #ends: GuestEnds;
  /** The first streams, until somebody takes them. */
  readonly #sinceMs: number = performance.now();
  readonly #early: { events?: EventStream<AnyQmpEvent>; ends?: EventStream<Verdict> };
  /** Resolves when QEMU is let go of. */
  readonly #released: PromiseWithResolvers<"released"> = Promise.withResolvers<"released">();
  #hold: "held" | "let-go" = "held";
  #intent: Intent = "none";
  #rung: StopRung | null = null;
  #verdict: Verdict | null = null;
  #stopping: Promise<Verdict> | null = null;
  #disposing: Promise<void> | null = null;

  constructor(parts: VmParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.argv = parts.argv;
    this.qmp = parts.control;
    this.monitors = parts.monitors;
    this.console = parts.console;
    this.agent = parts.agent;
    const { name, control: qmp, resetLog, resetHabit, logger } = parts;
    this.#ends = new GuestEnds({
      name,
      qmp,
      resetLog,
      resetHabit,
      logger,
      verdict: (end, tripleFault, events) => this.#endVerdict(end, tripleFault, events),
    }, parts.found);
    const last = parts.found?.last ?? null;
    this.#hub = new EventHub(parts.events, parts.standby, (event) => this.#ends.onEvent(event), last);
    this.#early = parts.found?.streams === "from-now"
      ? { events: this.#hub.events([]), ends: this.#ends.stream() }
      : {};
    this.stopped = this.#watchForEnd();
  }

  get pid(): number | null {
    return this.#parts.process?.pid ?? null;
  }

  /** The end at which QEMU holds the guest; null while it is not at its end. */
  get held(): Verdict | null {
    return this.#ends.held;
  }

  get runDir(): string | null {
    return this.#parts.runDir?.paths.dir ?? null;
  }

  get stderrTail(): string {
    return this.#parts.process?.stderrTail() ?? "";
  }

  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  events(...names: string[]): unknown {
    const { events } = this.#early;
    if (names.length > 0 || events === undefined) return this.#hub.events(names);
    delete this.#early.events;
    return events;
  }

  ends(): EventStream<Verdict> {
    const { ends } = this.#early;
    delete this.#early.ends;
    return ends ?? this.#ends.stream();
  }

  status(options: VmCallOptions = {}): Promise<StatusInfo> {
    return this.qmp.execute("query-status", {}, options);
  }

  hmp(command: string, options: VmCallOptions = {}): Promise<string> {
    return this.qmp.execute("human-monitor-command", { "command-line": command }, options);
  }

  async forwards(options: VmCallOptions = {}): Promise<readonly UsernetForward[]> {
    return parseUsernet(await this.hmp("info usernet", options));
  }

  async pause(options: VmCallOptions = {}): Promise<void> {
    await this.qmp.execute("stop", {}, options);
  }

  async resume(options: VmCallOptions = {}): Promise<void> {
    await this.qmp.execute("cont", {}, options);
  }

  reset(options: VmCallOptions = {}): Promise<void> {
    const { reboots, resetHabit } = this.#parts;
    return resetGuest({ qmp: this.qmp, reboots, resetHabit, resets: () => this.events("RESET") }, options);
  }

  screenshot(options: VmCallOptions = {}): Promise<Uint8Array> {
    return takeScreenshot(this.qmp, this.runDir, options);
  }

  async shutdown(options: ShutdownOptions = {}): Promise<Verdict> {
    const { signal, ...budgets } = options;
    signal?.throwIfAborted();
    checkBudgets(budgets);
    this.#stopping ??= this.#shutDown({ ...DEFAULT_STOP, ...this.#parts.stop, ...budgets });
    return await (signal ? abortable(this.#stopping, signal) : this.#stopping);
  }

  async kill(options: Pick<VmCallOptions, "signal"> = {}): Promise<Verdict> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { process } = this.#parts;
    const why = this.#hold === "let-go"
      ? "it was let go of"
      : process === null
      ? "it was attached to, so its process is not known here"
      : process.signals === "not-allowed"
      ? "it was adopted, and this script may not look at its process to make sure that it is QEMU (that takes -A)"
      : null;
    if (process === null || why !== null) {
      throw new TypeError(
        `Cannot kill VM "${this.name}": ${why}; use shutdown() while it is attached, or kill the process where it was started`,
      );
    }
    if (this.#verdict === null) {
      this.#intent = "kill";
      this.#rung = "sigkill";
      process.signal("SIGKILL");
    }
    return await (signal ? abortable(this.stopped, signal) : this.stopped);
  }

  async release(): Promise<void> {
    const { process } = this.#parts;
    if (process !== null && process.lifetime === "owned") {
      throw new TypeError(
        `Cannot release VM "${this.name}": it ends with this process; launch it with lifetime: { kind: "detached" } to leave it running`,
      );
    }
    process?.unref();
    await this.#letGo();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    const { process, runDir, logger } = this.#parts;
    if (process === null || this.#hold === "let-go") return await this.#letGo();
    // A shutdown that is under way goes on within its own budgets; disposing has shorter ones.
    let why: unknown = "it did not end within 5 s, not even by SIGKILL";
    await inTime(this.#stop(DISPOSE_STOP).catch((error) => why = error), DISPOSE_MS);
    if (this.#verdict === null) {
      logger.error("QEMU could not be ended: its run directory stays", {
        vm: this.name,
        pid: process.pid,
        why,
      });
      if (process.signals === "not-allowed") await this.release();
      return;
    }
    await runDir?.[Symbol.asyncDispose]();
  }

  async #shutDown(budgets: Required<StopOptions>): Promise<Verdict> {
    try {
      return await this.#stop(budgets);
    } catch (error) {
      // Only one that was attached to can refuse, and it may be asked again.
      this.#stopping = null;
      this.#intent = "none";
      this.#rung = null;
      throw error;
    }
  }

  async #stop(budgets: Required<StopOptions>): Promise<Verdict> {
    if (this.#verdict === null) {
      if (this.#intent === "none") this.#intent = "stop";
      await climb(budgets, {
        name: this.name,
        qmp: this.qmp,
        process: this.#parts.process?.signals === "allowed" ? this.#parts.process : null,
        agentShutdown: this.agent && ((signal) => this.#askAgent(signal)),
        stopped: this.stopped,
        held: this.#ends.whenHeld,
        isHeld: () => this.#ends.held !== null,
        climbing: (rung) => this.#rung = rung,
      });
    }
    return await this.stopped;
  }

  async #askAgent(signal: AbortSignal): Promise<void> {
    await this.agent?.execute("guest-shutdown", { mode: "powerdown" }, { signal });
  }

  /** Closes everything of ours and leaves QEMU alone. */
  async #letGo(): Promise<void> {
    this.#hold = "let-go";
    this.#released.resolve("released");
    await this.stopped;
  }

  async #watchForEnd(): Promise<Verdict> {
    const end = await Promise.race([this.#gone(), this.#released.promise]);
    const verdict = end === "released"
      ? judgeRelease(new Date(), this.#ends.events)
      : await this.#judge(end.exit);
    this.#verdict = verdict;
    this.#parts.onStopped();
    await this.#hub[Symbol.asyncDispose]();
    await this.#closeConnections();
    await this.#ends.settled();
    this.#ends.close();
    return verdict;
  }

  async #gone(): Promise<{ exit: ExitStatus | null }> {
    const { process, control } = this.#parts;
    if (process !== null) return { exit: await process.exited };
    await control.closed;
    return { exit: null };
  }

  async #judge(exit: ExitStatus | null): Promise<Verdict> {
    const { process, resetLog, debugExit, recording } = this.#parts;
    // The process may be seen to end before its last words are read: SHUTDOWN always comes before the end of the stream.
    await inTime(Promise.all([this.#hub.drained(), this.console?.closed]), DRAIN_MS);
    if (recording) await this.#catchUp(recording);
    await this.#ends.settled();
    return judge({
      at: new Date(),
      exit,
      events: this.#ends.events,
      stderrTail: process?.stderrTail() ?? "",
      intent: this.#intent,
      rung: this.#rung,
      held: this.#ends.held,
      debugExit,
      tripleFault: resetLog?.lookAtRest() ?? "unknown",
      oomKill: await this.#oomKill(exit),
      consoleTail: this.#consoleTail(),
      seen: process === null ? "connection" : "process",
    });
  }

  /** Where the monitors were lost before QEMU ended, only QEMU's own recording has its last words. */
  async #catchUp(recording: NonNullable<VmParts["recording"]>): Promise<void> {
    try {
      await this.#hub.catchUp(recording);
    } catch (error) {
      this.#parts.logger.warn("Could not read what QEMU recorded", { vm: this.name, error });
    }
  }

  /** Looked into only where the kernel may have been it: that takes time. */
  async #oomKill(exit: ExitStatus | null): Promise<boolean | "unknown"> {
    const { process, oomCount } = this.#parts;
    const pid = process?.pid ?? null;
    const suspected = (exit === null || exit.signal === "SIGKILL") && this.#rung !== "sigkill" &&
      finalShutdown(this.#ends.events) === null;
    if (pid === null || !suspected) return "unknown";
    const { wasOomKilled } = await import("./oom_kill.ts");
    return await wasOomKilled(pid, oomCount, { forMs: performance.now() - this.#sinceMs });
  }

  #consoleTail(): string {
    const said = (this.#parts.found?.consoleTail ?? "") + (this.console?.transcript ?? "");
    return said.slice(-CONSOLE_TAIL_CHARS);
  }

  async #closeConnections(): Promise<void> {
    for (const monitor of this.monitors.values()) {
      if (monitor instanceof QmpClient) await monitor.close();
    }
    await this.console?.[Symbol.asyncDispose]();
    await this.agent?.close();
  }

  #endVerdict(
    end: InProcessEnd,
    tripleFault: TripleFault | null,
    events: readonly AnyQmpEvent[],
  ): Verdict {
    return {
      cause: end.cause,
      detail: tripleFault === true ? `${end.detail} (a triple fault)` : end.detail,
      at: new Date(),
      process: end.process,
      exit: null,
      reason: end.reason,
      tripleFault,
      oomKill: null,
      intent: this.#intent,
      rung: this.#rung,
      stderrTail: this.#parts.process?.stderrTail() ?? "",
      consoleTail: this.#consoleTail(),
      events,
    };
  }
}
