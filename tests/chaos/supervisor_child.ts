// A supervisor in a process of its own, to be killed at any moment: what it is asked comes by its stdin, what it says goes to its stdout.
import { type Logger, type Report, Supervisor, type Vm } from "../../mod.ts";
import { type CrashPoint, reportToJson } from "../../src/supervisor/store/mod.ts";
import { ClockShift } from "./clock_shift.ts";
import { dropConnections } from "./drop_connections.ts";
import { type Ask, encode, type Look, messagesOf, type Opening, type Said } from "./protocol.ts";
import { TimerCount } from "./timer_count.ts";

/** How long a guest may take to echo one byte, in milliseconds; one that was just being reset has lost it. */
const ECHO_MS = 500;
/** How often it is told anew. */
const ECHO_TRIES = 30;

/** Synchronous, so that what was said is said, whenever this process dies. */
function say(message: Said): void {
  const bytes = encode(message);
  try {
    for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
  } catch (error) {
    // Nobody listens any more; its guests are to be stopped all the same.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Dies where it is told to. */
class Fate {
  #point: CrashPoint | null = null;
  #left = 0;

  arm(point: CrashPoint, times: number): void {
    this.#point = point;
    this.#left = times;
  }

  pass(point: CrashPoint): void {
    if (point === this.#point && --this.#left === 0) Deno.kill(Deno.pid, "SIGKILL");
  }
}

/** Carries out what it is asked. */
class Child {
  readonly #supervisor: Supervisor;
  readonly #timers: TimerCount;
  readonly #fate: Fate;
  readonly #clock = new ClockShift();
  #echoes = 0;

  constructor(supervisor: Supervisor, timers: TimerCount, fate: Fate) {
    this.#supervisor = supervisor;
    this.#timers = timers;
    this.#fate = fate;
  }

  async answer(ask: Ask & { id: number }): Promise<void> {
    try {
      say({ kind: "answer", id: ask.id, value: await this.#do(ask) ?? null });
    } catch (error) {
      say({ kind: "no", id: ask.id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #do(ask: Ask): Promise<unknown> {
    switch (ask.do) {
      case "add":
        return (await this.#supervisor.add(ask.spec)).phase;
      case "start":
      case "stop":
      case "restart":
      case "clear":
        return (await this.#supervisor[ask.do](ask.name)).phase;
      case "remove":
        return await this.#supervisor.remove(ask.name);
      case "look":
        return this.#look();
      case "say":
        return await this.#vm(ask.name).console?.write(Uint8Array.from(ask.bytes));
      case "hail":
        return await this.#hail(ask.name);
      case "drop": {
        const { runDir } = this.#vm(ask.name);
        return await dropConnections(ask.sockets.map((socket) => `${runDir}/${socket}`));
      }
      case "jump":
        return this.#clock.shift(ask.byMs);
      case "crash":
        return this.#fate.arm(ask.point, ask.times);
      case "close":
        return await this.#supervisor.close({ vms: ask.vms });
    }
  }

  #look(): Look {
    const guests = this.#supervisor.list().map(({ name, phase, restarts, vm }) => ({
      ...{ name, phase, restarts },
      pid: vm?.pid ?? null,
      runDir: vm?.runDir ?? null,
    }));
    return { guests, timers: this.#timers.count };
  }

  /** Each time with another byte: an echo that came late is not taken for the next one. */
  async #hail(name: string): Promise<number> {
    for (let tries = 1;; tries++) {
      const byte = `${this.#echoes++ % 10}`;
      const { console } = this.#vm(name);
      if (console === null) throw new Error(`Cannot hail ${name}: its console is not connected`);
      try {
        await console.write(byte);
        await console.expect(byte, { timeoutMs: ECHO_MS });
        return tries;
      } catch (error) {
        if (tries === ECHO_TRIES) throw error;
      }
    }
  }

  #vm(name: string): Vm {
    const vm = this.#supervisor.get(name)?.vm;
    if (!vm) throw new Error(`Cannot reach ${name}: it has no VM`);
    return vm;
  }
}

const logger: Logger = {
  debug() {},
  info() {},
  warn: (message, properties) => say({ kind: "log", message, about: Deno.inspect(properties) }),
  error: (message, properties) => say({ kind: "log", message, about: Deno.inspect(properties) }),
};

async function tellReports(reports: AsyncIterable<Report>): Promise<void> {
  for await (const report of reports) say({ kind: "report", report: reportToJson(report) });
}

async function main(opening: Opening): Promise<void> {
  const { stateDir, runtimeDir, crash } = opening;
  // A file that is too large is then an error, and not the end.
  Deno.addSignalListener("SIGXFSZ", () => {});
  const timers = new TimerCount();
  const fate = new Fate();
  if (crash !== null) fate.arm(crash.point, crash.times);
  const start = performance.now();
  let supervisor: Supervisor;
  try {
    // A full file of the journal every few seconds, and none of them is ever removed.
    const journal = { maxBytes: 64 * 1024, keep: 100_000 };
    supervisor = await Supervisor.open({
      ...{ stateDir, runtimeDir, logger, journal },
      crash: (point) => fate.pass(point),
    });
  } catch (error) {
    return say({ kind: "refused", message: error instanceof Error ? error.message : String(error) });
  }
  say({ kind: "opened", openMs: performance.now() - start });
  const telling = tellReports(supervisor.reports());
  const child = new Child(supervisor, timers, fate);
  const answers = new Set<Promise<void>>();
  for await (const ask of messagesOf<Ask & { id: number }>(Deno.stdin.readable)) {
    const answer = child.answer(ask).finally(() => answers.delete(answer));
    answers.add(answer);
    if (ask.do === "close") break;
  }
  // Whoever asked is gone as well, unless it asked for this.
  if (answers.size === 0) await supervisor.close({ vms: "stop" });
  await Promise.all(answers);
  await telling;
}

await main(JSON.parse(Deno.args[0] ?? ""));
// Its stdin may still be open.
Deno.exit();
