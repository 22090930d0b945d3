import type { VmConfig } from "../machine/mod.ts";
import { type AnyQmpEvent, type Logger, QmpClient } from "../qmp/mod.ts";
import { LaunchError, type Lifetime, type StopOptions, type Verdict, type Vm } from "../vm/mod.ts";
import { isSameEvent } from "../vm/evidence.ts";
import { Recorder } from "../vm/recorder.ts";
import { judgeLaunch } from "../vm/verdict.ts";
import { inTime } from "../vm/waiting.ts";
import type { GuestNow } from "./incident.ts";
import { launchLife, Life, removeLife } from "./life.ts";
import { newRunPlace, type RunPlace } from "./run_place.ts";
import { newRun, startedRun } from "./run_record.ts";
import { SilentQemu } from "./silent_qemu.ts";
import type { CrashHook, RunRecord } from "./store/mod.ts";
import type { Tasks } from "./tasks.ts";
import { NOTHING_TOLD, type Told, withEnd, withEvent } from "./told.ts";

/**
 * How long a QEMU whose connection broke is given to be seen to end, in milliseconds (90 were the most under load), and a command
 * under way to be answered before its connection is closed.
 */
const GRACE_MS = 2_000;

/** What the process of a guest needs. */
export interface ProcessHost {
  /** Where run directories are made, an absolute path; null for the usual place. */
  runtimeDir: string | null;
  lifetime: Lifetime["kind"];
  logger: Logger;
  crash: CrashHook;
  /** Whether what is known outlives this supervisor. */
  remember: "all" | "nothing";
  /** Rejects when the next supervisor would not find a QEMU that is started now. */
  assertFindable(): Promise<void>;
  /** Resolves when everything that was told so far is written down. */
  written(): Promise<void>;
  tasks: Tasks;
}

/** What is told of it, in the order in which it happens. */
export interface ProcessListener {
  /** There is a QEMU that answers. */
  began(vm: Vm): void;
  started(vm: Vm): void;
  /** QEMU said something about the guest's life. */
  event(event: AnyQmpEvent): void;
  /** The guest ended and QEMU is still there. */
  guestEnded(verdict: Verdict): void;
  /** QEMU is gone, or never came to be. */
  ended(verdict: Verdict): void;
  /** Its monitors are lost, and its process lives. */
  unreachable(): void;
  /** It answers again. */
  reachable(guest: GuestNow): void;
}

/** What is found of the QEMU that an earlier supervisor launched. */
export type FoundProcess =
  | {
    kind: "answers";
    vm: Vm;
    /** Whether the end at which the guest is held, if it is, was told already. */
    end: "told" | "untold";
    told: Told;
    /** What it tells once more, though it was reported. */
    again: readonly AnyQmpEvent[];
  }
  /** It is there and does not answer. */
  | { kind: "silent"; qemu: SilentQemu }
  /** Nobody knows whose it is: it is neither used nor cleared away. */
  | { kind: "unverified" }
  | { kind: "none" };

/** How far what a QEMU says was reported, when it is followed from now on. */
type BeginsWith = Pick<Extract<FoundProcess, { kind: "answers" }>, "end" | "told" | "again">;

/** A QEMU that is to be started. */
interface NextProcess {
  config: VmConfig;
  /** Null where its run directory is made in the usual place. */
  place: RunPlace | null;
}

/** The QEMU that a guest has: at most one at a time. */
export class GuestProcess {
  readonly #name: string;
  readonly #host: ProcessHost;
  readonly #listener: ProcessListener;
  #life: Life | null = null;
  /** One that is there and does not answer. */
  #silent: SilentQemu | null = null;
  #run: RunRecord | null;
  /** What is started next. */
  #next: NextProcess | null = null;
  #litter: readonly RunPlace[];
  #launching: AbortController | null = null;
  /** What is done in place, one after another: where reboots are held, a reset takes several commands. */
  #inPlace: Promise<void> = Promise.resolve();
  /** How far what it said was told. */
  #told: Told = NOTHING_TOLD;
  /** What its end is judged as, whatever it looks like: what a guest did for which it is ended, too. */
  #cause: "as it is" | "unresponsive" | Verdict = "as it is";
  /** The QEMU that is being ended, by whatever it takes. */
  #ending: { vm: Vm; over: Promise<void> } | null = null;
  #left: boolean = false;

  /**
   * @param name The guest's name.
   * @param host Where it runs.
   * @param listener Who is told.
   * @param from What an earlier supervisor wrote down.
   */
  constructor(
    name: string,
    host: ProcessHost,
    listener: ProcessListener,
    from: { run: RunRecord | null; litter: readonly RunPlace[] },
  ) {
    this.#name = name;
    this.#host = host;
    this.#listener = listener;
    this.#run = from.run;
    this.#litter = from.litter;
  }

  get vm(): Vm | null {
    return this.#life?.vm ?? null;
  }

  /** What it is remembered by. */
  get run(): RunRecord | null {
    return this.#run;
  }

  /** Where earlier ones ran, as far as that is not removed. */
  get litter(): readonly RunPlace[] {
    return this.#litter;
  }

  /** Names the next one. It is written down with the decision to start it, so that it is found in any case. */
  prepare(config: VmConfig): void {
    const { runtimeDir, remember } = this.#host;
    const place = runtimeDir === null ? null : newRunPlace(runtimeDir);
    this.#next = { config, place };
    if (remember === "all" && place !== null) this.#run = newRun(place, config);
  }

  /** Starts the one that was named last. What comes of it is told. */
  start(stop: StopOptions): void {
    const next = this.#next;
    if (next !== null) this.#host.tasks.add(this.#start(next, stop));
  }

  /** Goes on with what was found, and clears away what is left of all others. */
  takeUp(found: FoundProcess): void {
    const old = this.#litter;
    switch (found.kind) {
      case "answers":
        this.#begin(found.vm, this.#run, found);
        break;
      case "silent":
        this.#waitFor(found.qemu);
        break;
      case "unverified":
        break;
      case "none":
        if (this.#run !== null) this.#clearUp(null, this.#run);
        this.#runIsOver();
        break;
    }
    for (const place of old) this.#clearUp(null, place);
  }

  /** Gives up a start that is under way. */
  giveUpStart(): void {
    this.#launching?.abort(new Error("The start was given up because a stop was asked for"));
  }

  /** Ends QEMU by the stop ladder. When even that fails there is SIGKILL left. */
  end(options: StopOptions, failed: (error: Error) => void): void {
    const { vm } = this;
    // There is nobody to ask.
    this.#silent?.kill();
    if (vm === null) return;
    this.#end(vm, async () => {
      try {
        await vm.shutdown(options);
      } catch (error) {
        failed(asError(error));
        await vm.kill();
      }
    });
  }

  #end(vm: Vm, work: () => Promise<unknown>): void {
    const ending = { vm, over: Promise.resolve() };
    ending.over = (async () => {
      try {
        await work();
      } finally {
        if (this.#ending === ending) this.#ending = null;
      }
    })();
    this.#ending = ending;
    this.#host.tasks.add(ending.over);
  }

  /** When QEMU is ended for what its guest did, that is what its end was. */
  endsFor(verdict: Verdict): void {
    this.#cause = verdict;
  }

  /** Ends a QEMU that does not answer. */
  putDown(): void {
    this.#cause = "unresponsive";
    this.kill();
  }

  /** Ends QEMU without waiting for anything. */
  kill(): void {
    const { vm } = this;
    this.#silent?.kill();
    if (vm !== null) this.#end(vm, () => vm.kill());
  }

  /**
   * Does something to the guest in the QEMU that it has, after all that was begun before.
   *
   * @param act What.
   * @param isWanted Whether it is still to be done.
   * @param done Told how it went, while it is still wanted.
   */
  doInPlace(
    act: (vm: Vm) => Promise<void>,
    isWanted: () => boolean,
    done: (error: Error | null) => void,
  ): void {
    const life = this.#life;
    if (life === null) return;
    const { vm } = life;
    const isCurrent = () => this.vm === vm && isWanted();
    const work = this.#inPlace.then(async () => {
      if (!isCurrent()) return;
      try {
        await act(vm);
        if (isCurrent()) done(null);
      } catch (error) {
        // Where the connection broke, QEMU is usually ending: its end is then the news, and is decided about by itself.
        if (!vm.qmp.open && await inTime(vm.stopped, GRACE_MS)) await life.followed;
        if (isCurrent()) done(asError(error));
        else this.#host.logger.debug("An action came to nothing", { vm: this.#name, error });
      }
    });
    this.#inPlace = work;
    this.#host.tasks.add(work);
  }

  /** Lets go of QEMU and leaves it running. */
  async leave(): Promise<void> {
    // A reset is two commands: between them the guest would be left standing.
    await inTime(this.#inPlace, GRACE_MS);
    this.#left = true;
    this.#silent?.leave();
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    life.leave();
    await life.vm.release();
    await life.followed;
  }

  async #start({ config, place }: NextProcess, stop: StopOptions): Promise<void> {
    const launching = new AbortController();
    this.#launching = launching;
    const { runtimeDir, lifetime, logger, crash, remember } = this.#host;
    const { signal } = launching;
    let vm: Vm;
    try {
      await this.#host.assertFindable();
      if (runtimeDir !== null) await Deno.mkdir(runtimeDir, { recursive: true, mode: 0o700 });
      crash("launch:before-spawn");
      const recorder = remember === "all" ? "on" : "off";
      vm = await launchLife({ config, place, lifetime, stop: { ...stop }, signal, logger, recorder });
      crash("launch:after-spawn");
    } catch (error) {
      this.#launching = null;
      this.#over(launchVerdict(error, signal.aborted), null, place);
      return;
    }
    this.#launching = null;
    this.#cause = "as it is";
    // Without waiting for anything: the guest runs already, and what it does is to be seen.
    if (this.#run !== null) this.#run = startedRun(this.#run, vm);
    this.#begin(vm, place, { end: "untold", told: NOTHING_TOLD, again: [] });
    this.#listener.started(vm);
  }

  #begin(vm: Vm, place: RunPlace | null, { end, told, again }: BeginsWith): void {
    const recorder = this.#run === null ? null : new Recorder(this.#run.runDir);
    // Not before what was seen is in the journal: until then only the recording has it.
    const compact = recorder && (async (seen: AnyQmpEvent) => {
      await this.#host.written();
      await recorder.compact(seen);
    });
    this.#told = told;
    let toldAgain = again;
    this.#life = new Life(vm, compact, end, {
      event: (event) => {
        // What comes before an end that was not told is gone through once more.
        const at = toldAgain.findIndex((one) => isSameEvent(one, event));
        toldAgain = toldAgain.slice(at + 1);
        if (at >= 0) return;
        this.#told = withEvent(this.#told, event);
        this.#listener.event(event);
      },
      guestEnded: (verdict) => {
        this.#told = withEnd(this.#told, verdict);
        this.#listener.guestEnded(verdict);
      },
      gone: (verdict) => {
        this.#life = null;
        this.#over(this.#judged(verdict), vm, place);
      },
    }, this.#host.logger);
    this.#host.tasks.add(this.#life.followed);
    this.#host.tasks.add(this.#watchMonitors(this.#life));
    this.#listener.began(vm);
  }

  /** A QEMU whose connections broke and that does not end is looked for anew, by way of its sockets. */
  async #watchMonitors({ vm }: Life): Promise<void> {
    const watch = vm.monitors.get("watch");
    await Promise.race([vm.qmp.closed, ...(watch instanceof QmpClient ? [watch.closed] : [])]);
    for (;;) {
      // Its end is told by itself.
      if (await inTime(vm.stopped, GRACE_MS)) return;
      // Who ends it needs no monitors, and must not lose it.
      if (this.#ending?.vm !== vm) break;
      await this.#ending.over.catch(() => {});
    }
    if (this.vm !== vm || this.#left) return;
    this.#listener.unreachable();
    const { pid } = vm;
    // One that ends with this process can't be let go of; the policy gives it up in time.
    if (this.#run === null || pid === null || this.#host.lifetime === "owned") return;
    const silent = new SilentQemu(this.#run, pid, () => this.#told, this.#host.logger);
    // Known before the other is let go of: who ends it meanwhile is to find one of them.
    this.#silent = silent;
    await this.#letGo();
    this.#waitFor(silent);
  }

  #waitFor(qemu: SilentQemu): void {
    this.#silent = qemu;
    this.#host.tasks.add(qemu.outcome.then((outcome) => {
      this.#silent = null;
      switch (outcome.kind) {
        case "left":
          return;
        case "answers":
          this.#begin(outcome.vm, this.#run, outcome);
          return this.#listener.reachable(outcome.guest);
        case "gone":
          return this.#over(this.#judged(outcome.verdict), null, this.#run);
      }
    }));
  }

  #judged(verdict: Verdict): Verdict {
    const as = this.#cause;
    this.#cause = "as it is";
    if (as === "as it is") return verdict;
    if (as === "unresponsive") return { ...verdict, cause: as };
    // It may have come to another end meanwhile.
    if (verdict.intent === "none") return verdict;
    const { cause, detail, reason, tripleFault } = as;
    return { ...verdict, cause, detail, reason, tripleFault, oomKill: null };
  }

  #over(verdict: Verdict, vm: Vm | null, place: RunPlace | null): void {
    this.#runIsOver();
    this.#listener.ended(verdict);
    this.#clearUp(vm, place);
  }

  /** From here on its place only waits to be removed. */
  #runIsOver(): void {
    if (this.#run === null) return;
    const { runDir, stderrFile } = this.#run;
    this.#litter = [...this.#litter, { runDir, stderrFile }];
    this.#run = null;
  }

  /** Removes what a QEMU left, once its end is written down: until then it is all that tells of it. */
  #clearUp(vm: Vm | null, place: RunPlace | null): void {
    this.#host.tasks.add(
      this.#host.written().then(async () => {
        await removeLife(this.#name, vm, place, this.#host.logger);
        this.#litter = this.#litter.filter(({ runDir }) => runDir !== place?.runDir);
      }),
    );
  }
}

function launchVerdict(error: unknown, givenUp: boolean): Verdict {
  const found = error instanceof LaunchError ? error : null;
  return judgeLaunch({
    at: new Date(),
    detail: error instanceof Error ? error.message : String(error),
    exit: found?.exit ?? null,
    stderrTail: found?.stderrTail ?? "",
    intent: givenUp ? "stop" : "none",
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
