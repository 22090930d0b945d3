import type { QmpEvents, StatusInfo } from "../qapi/mod.ts";
import { parseUsernet, type UsernetForward } from "../machine/mod.ts";
import { type AnyQmpEvent, EventStream, type Logger, QmpClient, type QmpEvent } from "../qmp/mod.ts";
import {
  type EndState,
  heldEnd,
  type InProcessEnd,
  NOTHING_ENDED,
  type ResetHabit,
  trackEnd,
} from "./end_tracker.ts";
import { EventHub } from "./event_hub.ts";
import type { HmpMonitor } from "./hmp_monitor.ts";
import type { QemuProcess } from "./qemu_process.ts";
import type { ResetLog } from "./reset_log.ts";
import type { RunDir } from "./run_dir.ts";
import { takeScreenshot } from "./screenshot.ts";
import type { SerialConsole } from "./serial_console.ts";
import { climb } from "./stop.ts";
import { DEFAULT_STOP, DISPOSE_STOP, type StopOptions, type StopRung } from "./stop_ladder.ts";
import { type Intent, judge, type TripleFault, type Verdict } from "./verdict.ts";
import type { Vm } from "./vm.ts";

/** How long the monitors may take to deliver what QEMU sent before it ended, in milliseconds (35 was the longest seen). */
const DRAIN_MS = 2_000;
/** How long a stopped guest's run state is waited for, in milliseconds. */
const RUN_STATE_MS = 5_000;

/** How long the firmware's repetition of a reset is waited for, in milliseconds; a guest that stays paused never repeats it. */
const REPEATED_RESET_MS = 1_000;

/** Everything that a `RunningVm` takes over. */
export interface VmParts {
  name: string;
  process: QemuProcess | null;
  argv: readonly string[] | null;
  runDir: RunDir | null;
  control: QmpClient;
  /** The monitor whose events count; `control` itself where there is only one. */
  watch: QmpClient;
  monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  console: SerialConsole | null;
  stop: StopOptions;
  logger: Logger;
  resetLog: ResetLog | null;
  resetHabit: ResetHabit;
  /** Guest reboots are held (`-action reboot=shutdown`), so that a reset has to lift that first. */
  reboots: "reset" | "held";
  /** QEMU has an isa-debug-exit device. */
  debugExit: boolean;
  /** The end in which the guest was found, when attaching. */
  foundHeld: InProcessEnd | null;
  /** Called when QEMU has gone. */
  onStopped: () => void;
}

/** One running QEMU, launched or attached: the `Vm` that people see. */
export class RunningVm implements Vm {
  readonly name: string;
  readonly argv: readonly string[] | null;
  readonly qmp: QmpClient;
  readonly monitors: ReadonlyMap<string, QmpClient | HmpMonitor>;
  readonly console: SerialConsole | null;
  readonly stopped: Promise<Verdict>;
  readonly #parts: VmParts;
  readonly #hub: EventHub;
  readonly #ends = new Set<EventStream<Verdict>>();
  #track: EndState = NOTHING_ENDED;
  #held: Verdict | null = null;
  #heldWaiters: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** What follows from events and takes a round trip, one after another. */
  #work: Promise<void> = Promise.resolve();
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
    if (parts.foundHeld) this.#held = this.#endVerdict(parts.foundHeld, null);
    this.#hub = new EventHub(parts.watch, parts.control, (event) => this.#onEvent(event));
    this.stopped = this.#watchForEnd();
  }

  get pid(): number | null {
    return this.#parts.process?.pid ?? null;
  }

  get runDir(): string | null {
    return this.#parts.runDir?.paths.dir ?? null;
  }

  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  events(...names: string[]): unknown {
    return this.#hub.events(names);
  }

  ends(): EventStream<Verdict> {
    const stream: EventStream<Verdict> = new EventStream<Verdict>({
      onDispose: () => this.#ends.delete(stream),
    });
    if (this.#verdict) stream.end();
    else this.#ends.add(stream);
    return stream;
  }

  status(): Promise<StatusInfo> {
    return this.qmp.execute("query-status");
  }

  hmp(command: string): Promise<string> {
    return this.qmp.execute("human-monitor-command", { "command-line": command });
  }

  async forwards(): Promise<readonly UsernetForward[]> {
    return parseUsernet(await this.hmp("info usernet"));
  }

  async pause(): Promise<void> {
    await this.qmp.execute("stop");
  }

  async resume(): Promise<void> {
    await this.qmp.execute("cont");
  }

  async reset(): Promise<void> {
    const held = this.#held !== null;
    const again = async () => {
      await this.qmp.execute("system_reset");
      if (held) await this.qmp.execute("cont");
    };
    if (this.#parts.reboots === "reset") return await again();
    // Where reboots are held, QEMU would hold this one too, and the firmware's repetition of it.
    await this.qmp.execute("set-action", { reboot: "reset" });
    try {
      using resets = this.events("RESET");
      await again();
      if (this.#parts.resetHabit === "repeats") await take(resets, 2, REPEATED_RESET_MS);
    } finally {
      await this.qmp.execute("set-action", { reboot: "shutdown" });
    }
  }

  screenshot(): Promise<Uint8Array> {
    return takeScreenshot(this.qmp, this.runDir);
  }

  shutdown(options: StopOptions = {}): Promise<Verdict> {
    const budgets = { ...DEFAULT_STOP, ...this.#parts.stop, ...options };
    this.#stopping ??= this.#stop(budgets);
    return this.#stopping;
  }

  async kill(): Promise<Verdict> {
    const { process } = this.#parts;
    if (process === null) {
      throw new TypeError(
        `Cannot kill VM "${this.name}": it was attached to, so its process is not known here; use shutdown(), or kill the ` +
          "process where it was started",
      );
    }
    if (this.#verdict === null) {
      this.#intent = "kill";
      this.#rung = "sigkill";
      process.signal("SIGKILL");
    }
    return await this.stopped;
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
    if (this.#parts.process === null) return await this.#letGo();
    if (this.#verdict === null) {
      // A shutdown that is under way goes on within its own budgets; disposing has shorter ones.
      await this.#stop(DISPOSE_STOP);
    }
    await this.#parts.runDir?.[Symbol.asyncDispose]();
  }

  async #stop(budgets: Required<StopOptions>): Promise<Verdict> {
    if (this.#verdict) return this.#verdict;
    this.#intent = "stop";
    const { process } = this.#parts;
    await climb(budgets, {
      name: this.name,
      qmp: this.qmp,
      process,
      stopped: this.stopped,
      held: this.#heldWaiters.promise,
      isHeld: () => this.#held !== null,
      climbing: (rung) => this.#rung = rung,
    });
    return await this.stopped;
  }

  /** Closes everything of ours and leaves QEMU alone. */
  async #letGo(): Promise<void> {
    this.#parts.onStopped();
    await this.#hub[Symbol.asyncDispose]();
    await this.#closeConnections();
    await this.#work;
  }

  async #closeConnections(): Promise<void> {
    for (const monitor of this.monitors.values()) {
      if (monitor instanceof QmpClient) await monitor.close();
    }
    await this.console?.[Symbol.asyncDispose]();
  }

  #onEvent(event: AnyQmpEvent): void {
    const { state, step } = trackEnd(this.#track, event, this.#parts.resetHabit);
    this.#track = state;
    if (event.event === "RESUME" || event.event === "RESET") this.#notHeld();
    const events = state.events;
    switch (step.kind) {
      case "none":
        return;
      case "ask-run-state":
        return this.#next(async () => {
          const { status } = await this.qmp.execute("query-status", {}, { timeoutMs: RUN_STATE_MS });
          const end = heldEnd(status, events);
          if (end) this.#report(this.#endVerdict(end, await this.#heldTripleFault(end), events));
        });
      case "reset":
        return this.#next(async () => {
          // Also for a reset that is no news: the log has an entry for each.
          const tripleFault = await this.#parts.resetLog?.takeReset(this.qmp) ?? "unknown";
          const { end } = step;
          if (end) {
            this.#report(this.#endVerdict(end, end.cause === "guest-reset" ? tripleFault : null, events));
          }
        });
    }
  }

  #next(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error) => {
      // QEMU ended under the question: the end of the process will be the answer.
      this.#parts.logger.debug("Could not look into the end of a guest", { vm: this.name, error });
    });
  }

  async #heldTripleFault(end: InProcessEnd): Promise<TripleFault | null> {
    if (end.cause !== "guest-reset" || end.reason !== "guest-reset") return null;
    return await this.#parts.resetLog?.lookAtRest() ?? "unknown";
  }

  #report(verdict: Verdict): void {
    if (verdict.process === "held") {
      this.#held = verdict;
      this.#heldWaiters.resolve();
    }
    for (const stream of this.#ends) stream.push(verdict);
  }

  #notHeld(): void {
    if (this.#held === null) return;
    this.#held = null;
    this.#heldWaiters = Promise.withResolvers<void>();
  }

  #endVerdict(
    end: InProcessEnd,
    tripleFault: TripleFault | null,
    events: readonly AnyQmpEvent[] = [],
  ): Verdict {
    return {
      cause: end.cause,
      detail: tripleFault === true ? `${end.detail} (a triple fault)` : end.detail,
      at: new Date(),
      process: end.process,
      exit: null,
      reason: end.reason,
      tripleFault,
      intent: this.#intent,
      rung: this.#rung,
      stderrTail: this.#parts.process?.stderrTail() ?? "",
      events,
    };
  }

  async #watchForEnd(): Promise<Verdict> {
    const { process, control } = this.#parts;
    const exit = process ? await process.exited : null;
    if (process === null) await control.closed;
    // The process may be seen to end before its last words are read: SHUTDOWN always comes before the end of the stream.
    await this.#drained();
    await this.#work;
    const verdict = judge({
      at: new Date(),
      exit,
      events: this.#track.events,
      stderrTail: process?.stderrTail() ?? "",
      intent: this.#intent,
      rung: this.#rung,
      held: this.#held,
      debugExit: this.#parts.debugExit,
      tripleFault: await this.#parts.resetLog?.lookAtRest() ?? "unknown",
    });
    this.#verdict = verdict;
    this.#parts.onStopped();
    await this.#hub[Symbol.asyncDispose]();
    await this.#closeConnections();
    for (const stream of this.#ends) stream.end();
    this.#ends.clear();
    return verdict;
  }

  async #drained(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, DRAIN_MS));
    await Promise.race([this.#hub.drained(), limit]);
    clearTimeout(timer);
  }
}

/** Takes so many events from a stream, or gives up after a time. */
async function take(
  stream: AsyncIterator<unknown> & Disposable,
  count: number,
  withinMs: number,
): Promise<void> {
  const timer = setTimeout(() => stream[Symbol.dispose](), withinMs);
  for (let taken = 0; taken < count; taken++) {
    if ((await stream.next()).done) break;
  }
  clearTimeout(timer);
}
