// A supervisor of a hundred guests, in a process of its own: what that has in memory is the supervisor's.
// Arguments: a directory for the state, one for the run directories, the guests' firmware, how many of them are killed. Prints one line of JSON.
import { type Report, Supervisor } from "../../../mod.ts";

const GUESTS = 100;
/** How long nothing happens while the processor's time is counted, in milliseconds. */
const IDLE_MS = 30_000;
/** What a tick of `/proc/PID/stat` is, in milliseconds: 100 of them a second on every Linux. */
const TICK_MS = 10;

const [dir = "", runtimeDir = "", bios = "", rounds = "0"] = Deno.args;
const supervisor = await Supervisor.open({ stateDir: `${dir}/state`, runtimeDir });
// The first one brings all the code with it.
await add(0);
const aloneKiB = residentKiB();
for (let index = 1; index < GUESTS; index++) await add(index);

const ticks = processorTicks();
const start = performance.now();
await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
const idlePercent = (processorTicks() - ticks) * TICK_MS / (performance.now() - start) * 100;
const perGuestKiB = (residentKiB() - aloneKiB) / (GUESTS - 1);

const stream = supervisor.reports();
const reports = stream[Symbol.asyncIterator]();
const toReport: number[] = [];
const toNextLife: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const name = `vm${(round * 37) % GUESTS}`;
  const pid = supervisor.get(name)?.vm?.pid;
  if (typeof pid !== "number") throw new Error(`Cannot measure: ${name} has no QEMU to kill`);
  const killed = performance.now();
  Deno.kill(pid, "SIGKILL");
  toReport.push(await timeOf(name, "ended") - killed);
  toNextLife.push(await timeOf(name, "started") - killed);
}
await supervisor.close({ vms: "leave" });

// The next one takes over what this one leaves.
const opened = performance.now();
const next = await Supervisor.open({ stateDir: `${dir}/state`, runtimeDir });
const adoptionMs = performance.now() - opened;
const adopted = next.list().filter(({ vm }) => vm !== null).length;
if (adopted !== GUESTS) throw new Error(`Cannot measure: ${adopted} of ${GUESTS} guests were taken over`);
await next.close({ vms: "stop" });
// deno-lint-ignore no-console -- the benchmark reads it
console.log(JSON.stringify({ aloneKiB, perGuestKiB, idlePercent, toReport, toNextLife, adoptionMs }));

async function add(index: number): Promise<void> {
  await supervisor.add({
    config: { name: `vm${index}`, machine: "pc", accel: "tcg", memoryMiB: 16, firmware: { bios } },
    restart: "always",
    limit: { restarts: Infinity, withinMs: 0 },
    backoff: { initialMs: 0, maxMs: 0 },
    stop: { powerdownMs: 0 },
  });
}

/** Waits for a guest's next report of a kind; the time at which it was there. */
async function timeOf(vm: string, kind: Report["kind"]): Promise<number> {
  for (;;) {
    const { value, done } = await reports.next();
    if (done) throw new Error(`Cannot measure: no report "${kind}" came`);
    if (value.vm === vm && value.kind === kind) return performance.now();
  }
}

/** What this process has in memory. */
function residentKiB(): number {
  const [, kib = NaN] = /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number(kib);
}

/** How long this process, all its threads, has been on a processor. */
function processorTicks(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
