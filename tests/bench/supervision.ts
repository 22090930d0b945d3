import { type SupervisedVm, Supervisor } from "../../mod.ts";
import { rom, uniCommands, unirom } from "../../src/testing/mod.ts";
import { bareCommand } from "./bare_qemu.ts";
import { type Bench, cClient } from "./contestants.ts";
import { race } from "./race.ts";
import type { Group } from "./report.ts";

/** A supervisor with one guest that obeys commands, its journal and its records on the disk. */
async function supervised(bench: Bench, spec: Partial<SupervisedVm>) {
  const { dir, sockets } = bench.baselines;
  const bios = `${dir}/unirom`;
  await Deno.writeFile(bios, rom(unirom.code));
  const stateDir = await Deno.makeTempDir({ dir, prefix: "state-" });
  const runtimeDir = await Deno.makeTempDir({ dir: sockets, prefix: "run-" });
  const supervisor = await Supervisor.open({ stateDir, runtimeDir });
  await supervisor.add({
    config: { name: "web", machine: "pc", accel: "tcg", memoryMiB: 16, firmware: { bios } },
    restart: "always",
    limit: { restarts: Infinity, withinMs: 0 },
    backoff: { initialMs: 0, maxMs: 0 },
    stop: { powerdownMs: 0 },
    ...spec,
  });
  return supervisor;
}

/** Waits for the next report of a kind; the time at which it was there. */
async function reportOf(reports: AsyncIterator<{ kind: string }>, kind: string): Promise<number> {
  for (;;) {
    const { value, done } = await reports.next();
    if (done) throw new Error(`Cannot measure: no report "${kind}" came`);
    if (value.kind === kind) return performance.now();
  }
}

/**
 * From the SIGKILL of a QEMU to the report of it, and to the next life, ready. C, for comparison, sees its own QEMU end
 * and starts it again, and writes nothing down.
 *
 * @param bench How often, and beside what.
 * @returns The outcome.
 */
export async function crash(bench: Bench): Promise<Group> {
  const { dir, sockets } = bench.baselines;
  await using supervisor = await supervised(bench, {});
  using stream = supervisor.reports();
  const reports = stream[Symbol.asyncIterator]();
  const toReport: number[] = [];
  const nextLife = async (): Promise<number> => {
    const { pid } = supervisor.get("web")?.vm ?? {};
    if (typeof pid !== "number") throw new Error("Cannot measure: there is no QEMU to kill");
    const start = performance.now();
    Deno.kill(pid, "SIGKILL");
    toReport.push(await reportOf(reports, "ended") - start);
    return await reportOf(reports, "started") - start;
  };
  await reportOf(reports, "started");
  const bare = bareCommand("pc", `${sockets}/crash`, ["-m", "16", "-bios", `${dir}/unirom`]);
  const figures = await race([
    { name: "Qeeper, to the next life", run: nextLife },
    ...cClient(bench, "C, from its kill -9 to the next one", ["restart", `${sockets}/crash`, ...bare]),
  ], bench.rounds);
  return {
    title: "After kill -9 of a supervised QEMU: pc with a tiny firmware, journal and fsynced record included",
    unit: "ms",
    // The first one was the warm-up.
    figures: new Map([["Qeeper, to the report", toReport.slice(1)], ...figures]),
    targets: [
      { kind: "within", of: "Qeeper, to the report", atMostMs: 10 },
      {
        kind: "times",
        of: "Qeeper, to the next life",
        to: "C, from its kill -9 to the next one",
        atMost: 1.15,
      },
    ],
  };
}

/**
 * A guest that panics and is reset in place, with a supervisor that remembers: to its next READY.
 *
 * @param bench How often.
 * @returns The outcome.
 */
export async function inPlace(bench: Bench): Promise<Group> {
  await using supervisor = await supervised(bench, { onCause: { "guest-panic": "reset" } });
  let lives = 0;
  const run = async (): Promise<number> => {
    const console = supervisor.get("web")?.vm?.console;
    if (!console) throw new Error("Cannot measure: there is no console");
    // The READY of the life that there is; expect() takes what it finds.
    if (lives++ === 0) await console.expect("READY");
    const start = performance.now();
    await console.write(uniCommands.panic);
    await console.expect("READY");
    return performance.now() - start;
  };
  return {
    title:
      "Reset in place: from the command on which a guest panics to its next READY, journal and fsynced record included",
    unit: "ms",
    figures: await race([{ name: "Qeeper", run }], bench.rounds),
    targets: [{ kind: "within", of: "Qeeper", atMostMs: 5 }],
  };
}
