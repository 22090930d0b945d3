import type { CrashPoint } from "../../src/supervisor/store/mod.ts";
import { inTime, pause, untilNothingIsMissing } from "./bounded.ts";
import { FullDisk } from "./full_disk.ts";
import { type Guest, makeGuests } from "./guests.ts";
import { JournalFollower } from "./journal_follower.ts";
import { NO_PEAK, type Peak } from "./peak.ts";
import { findQemus } from "./processes.ts";
import type { Ask, GuestView, Look } from "./protocol.ts";
import { type Opened, SupervisorDied, SupervisorProcess } from "./supervisor_process.ts";

/** How often it is looked whether a guest has two QEMUs, in milliseconds. */
const TWINS_MS = 40;

/** Guests, and the supervisors that they have one after another: whenever one dies, the next one is started. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly runtimeDir: string;
  readonly guests: readonly Guest[];
  readonly journal: JournalFollower;
  readonly disk: FullDisk;
  /** Every supervisor so far. */
  readonly supervisors: SupervisorProcess[] = [];
  /** What was seen that may never be. */
  readonly violations: Set<string> = new Set();
  /** What supervisors had at most. */
  peak: Peak = NO_PEAK;
  /** How long each supervisor took to open, in milliseconds. */
  readonly openMs: number[] = [];
  /** The next one dies here. */
  #doomed: { point: CrashPoint; times: number } | null = null;
  #state: "open" | "closing" = "open";
  #current: Promise<SupervisorProcess>;
  #keeping: Promise<void>;
  readonly #watching: Promise<void>;

  private constructor(folder: string, guests: readonly Guest[], disk: FullDisk) {
    this.folder = folder;
    this.stateDir = `${folder}/state`;
    this.runtimeDir = `${folder}/run`;
    this.guests = guests;
    this.disk = disk;
    this.journal = new JournalFollower(this.stateDir);
    const first = Promise.withResolvers<SupervisorProcess>();
    first.promise.catch(() => {});
    this.#current = first.promise;
    this.#keeping = this.#keep(first);
    this.#watching = this.#watchForTwins();
  }

  /**
   * Makes a world in which every guest is up.
   *
   * @param count How many guests.
   * @returns The world.
   */
  static async make(count: number): Promise<World> {
    const folder = await Deno.makeTempDir({ prefix: "qeeper-chaos-" });
    const guests = await makeGuests(folder, count);
    await Deno.mkdir(`${folder}/state`, { mode: 0o700 });
    const world = new World(folder, guests, await FullDisk.prepare(`${folder}/state`));
    await Promise.all(guests.map(({ spec }) => world.ask({ do: "add", spec })));
    return world;
  }

  /** The supervisor that there is; waits for the next one where one has just died. */
  supervisor(): Promise<SupervisorProcess> {
    return inTime("a supervisor that supervises", this.#current);
  }

  /** Asks the supervisor that there is: see {@linkcode SupervisorProcess.ask}. */
  async ask<T = unknown>(ask: Ask): Promise<T> {
    return await (await this.supervisor()).ask<T>(ask);
  }

  /** Asks once more when the supervisor dies meanwhile: for what does no harm when it is done twice. */
  async insist<T = unknown>(ask: Ask): Promise<T> {
    for (;;) {
      try {
        return await this.ask<T>(ask);
      } catch (error) {
        if (!(error instanceof SupervisorDied)) throw error;
      }
    }
  }

  async look(): Promise<Look> {
    return await this.insist<Look>({ do: "look" });
  }

  /** Whether the supervisor that there is started this QEMU itself: then it is told how it ended. */
  async isChild(pid: number): Promise<boolean> {
    return (await this.supervisor()).reports.some((report) =>
      report.kind === "started" && report.pid === pid
    );
  }

  /** How one guest is. */
  async guest(name: string): Promise<GuestView> {
    const found = (await this.look()).guests.find((guest) => guest.name === name);
    if (found === undefined) throw new Error(`The supervisor knows of no ${name}`);
    return found;
  }

  /** Waits until a guest is up, in another QEMU than the one that is named. */
  async untilUp(name: string, otherThan: number | null = null): Promise<GuestView> {
    let found: GuestView | undefined;
    await untilNothingIsMissing(`${name} is up again`, async () => {
      found = await this.guest(name);
      return found.phase === "up" && found.pid !== otherThan ? null : `${found.phase}, pid ${found.pid}`;
    });
    return found ?? await this.guest(name);
  }

  /** Ends the supervisor that there is, without a word. */
  async killSupervisor(): Promise<void> {
    const supervisor = await this.supervisor();
    supervisor.signal("SIGKILL");
    await inTime("the supervisor's death", supervisor.ended);
  }

  /** Lets the next supervisor die at a point on its way. */
  doom(point: CrashPoint): void {
    this.#doomed = { point, times: 1 };
  }

  /** One more supervisor of the same state directory. */
  async openSecond(): Promise<Opened> {
    const { stateDir, runtimeDir } = this;
    const second = new SupervisorProcess({ stateDir, runtimeDir, crash: null });
    try {
      return await inTime("a second supervisor", second.opened);
    } finally {
      second.signal("SIGKILL");
      await second.ended;
    }
  }

  /** Ends the supervision for good; every guest is stopped. */
  async close(): Promise<void> {
    const supervisor = await this.supervisor();
    this.#state = "closing";
    await supervisor.ask({ do: "close", vms: "stop" });
    await inTime("the end of the supervisor", supervisor.ended);
    await this.#keeping;
  }

  /** Ends everything, whatever it is doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closing";
    this.supervisors.at(-1)?.signal("SIGKILL");
    await Promise.all(this.supervisors.map(({ ended }) => ended));
    await this.#keeping;
    await this.#watching;
    for (const { pid } of await findQemus(this.folder)) Deno.kill(pid, "SIGKILL");
    await untilNothingIsMissing("the end of every QEMU", async () => {
      const left = await findQemus(this.folder);
      return left.length === 0 ? null : left.map(({ guest }) => guest).join(", ");
    });
    await this.disk[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Has a supervisor running, always. */
  async #keep(first: PromiseWithResolvers<SupervisorProcess>): Promise<void> {
    let next = first;
    while (this.#state === "open") {
      const { stateDir, runtimeDir } = this;
      const supervisor = new SupervisorProcess({ stateDir, runtimeDir, crash: this.#doomed });
      this.#doomed = null;
      this.supervisors.push(supervisor);
      const opened = await supervisor.opened;
      if (opened.kind === "refused") {
        this.violations.add(`a supervisor could not open: ${opened.message}`);
        next.reject(new Error(`A supervisor could not open: ${opened.message}`));
        return;
      }
      const after = Promise.withResolvers<SupervisorProcess>();
      after.promise.catch(() => {});
      if (opened.kind === "opened") {
        this.openMs.push(opened.openMs);
        next.resolve(supervisor);
        supervisor.ended.then(() => {
          this.#current = after.promise;
        });
        next = after;
      }
      const { signal, code } = await supervisor.ended;
      this.#current = next.promise;
      if (signal !== "SIGKILL" && code !== 0) {
        this.violations.add(`a supervisor ended by itself, with code ${code} and signal ${signal}`);
      }
    }
    next.reject(new Error("The world has ended"));
  }

  async #watchForTwins(): Promise<void> {
    while (this.#state === "open") {
      const names = (await findQemus(this.folder)).map(({ guest }) => guest);
      const twin = names.find((name, index) => names.indexOf(name) !== index);
      if (twin !== undefined) this.violations.add(`${twin} had two QEMUs at once`);
      await pause(TWINS_MS);
    }
  }
}
