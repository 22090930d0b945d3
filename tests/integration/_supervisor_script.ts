// deno-lint-ignore-file no-console -- a script talks to whoever runs it
// Scripts with a supervisor, for the tests of what happens when a script ends: `_supervisor_script.ts NAME FOLDER`.
import { tinyGuests, uniCommands, unirom } from "../../src/testing/mod.ts";
import { tell, Yard } from "./_supervised.ts";

const WAIT_LONG = { initialMs: 1_000_000, maxMs: 1_000_000 };

const SCRIPTS: Readonly<Record<string, (yard: Yard) => Promise<void>>> = {
  /** Leaves a guest that runs, one that is preserved, and one that waits for its reset; not what is only on its way to run. */
  async leave(yard) {
    const { supervisor, reports } = await yard.open({ lifetime: "detached" });
    const launching = { backoff: WAIT_LONG, config: { machine: "no-such-board" } };
    const waiting = supervisor.add(await yard.firmware("waiting", unirom, launching));
    await reports.until("waiting", "ended launch-failed -> wait");
    await supervisor.add(await yard.firmware("running", unirom));
    await supervisor.add(
      await yard.firmware("held", tinyGuests.panic, { onCause: { "guest-panic": "preserve" } }),
    );
    await reports.until("held", "guest-ended");
    const { vm } = await supervisor.add(
      await yard.firmware("resetting", unirom, { backoff: WAIT_LONG, onCause: { "guest-panic": "reset" } }),
    );
    await tell(vm, uniCommands.panic);
    await tell(vm, uniCommands.panic);
    await reports.until("resetting", "guest-ended guest-panic -> wait");
    await supervisor.add(await yard.firmware("stopping", unirom));
    const controls = ["running", "held", "resetting"].map((name) =>
      supervisor.get(name)?.vm?.runDir + "/control"
    );

    const stopping = supervisor.restart("stopping");
    const starting = supervisor.add(await yard.firmware("starting", unirom));
    await supervisor.close({ vms: "leave" });
    await reports.ended;
    await Promise.all([waiting, stopping, starting]);
    const phases = supervisor.list().map(({ name, phase, vm }) => `${name} ${phase} ${vm}`);
    console.log(JSON.stringify({ controls, phases }));
  },

  /** Keeps two guests until it is told to end, and says what is reported. */
  async keep(yard) {
    const { supervisor } = await yard.open();
    await supervisor.add(await yard.firmware("web", unirom, { restart: "always" }));
    await supervisor.add(await yard.firmware("other", unirom, { restart: "always" }));
    console.log("up");
    for await (const report of supervisor.reports()) console.log(report.vm, report.kind);
  },

  /** Keeps a guest that does not obey its power button until it is told to end. */
  async stubborn(yard) {
    const { supervisor } = await yard.open({ lifetime: "detached" });
    await supervisor.add(await yard.firmware("web", unirom, { stop: { powerdownMs: 1_000_000 } }));
    console.log("up");
    for await (const report of supervisor.reports()) {
      if (report.kind === "event") console.log(report.event.event);
    }
  },
  /** Remembers three guests: one runs, one is preserved at its end, one has failed. Then it waits to be killed. */
  async remember(yard) {
    const { supervisor, reports } = await yard.open({ stateDir: `${yard.folder}/state` });
    await supervisor.add(await yard.firmware("running", unirom, { restart: "always" }));
    await supervisor.add(
      await yard.firmware("held", tinyGuests.panic, { onCause: { "guest-panic": "preserve" } }),
    );
    await reports.until("held", "guest-ended");
    const config = { machine: "no-such-board" };
    await supervisor.add(
      await yard.firmware("failed", unirom, { config, limit: { restarts: 0, withinMs: 1_000 } }),
    );
    await supervisor.add(await yard.firmware("stopped", unirom));
    await supervisor.stop("stopped");
    console.log(
      JSON.stringify(supervisor.list().map(({ name, phase, vm }) => ({ name, phase, pid: vm?.pid ?? null }))),
    );
    for await (const report of supervisor.reports()) console.log(report.vm, report.kind);
  },

  /** Keeps a guest, and leaves it running when it is told to end. */
  async leaveOnSignal(yard) {
    const { supervisor } = await yard.open({ stateDir: `${yard.folder}/state`, signals: "leave" });
    const { vm } = await supervisor.add(await yard.firmware("web", unirom));
    console.log(vm?.pid);
    for await (const report of supervisor.reports()) console.log(report.vm, report.kind);
  },

  /** Adds one guest, and dies at the crash point that the environment names, the so many-th time that it comes by. */
  async crash(yard) {
    const [, , point = "", times = "1"] = Deno.args;
    let left = Number(times);
    const { supervisor, reports } = await yard.open({
      stateDir: `${yard.folder}/state`,
      crash: (at) => {
        if (at === point && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
      },
    });
    if (supervisor.list().length === 0) {
      await supervisor.add(
        await yard.firmware("web", unirom, { restart: "always", backoff: { initialMs: 1 } }),
      );
    }
    await supervisor.start("web");
    // A second life, so that each point is passed by more than once.
    const pid = supervisor.get("web")?.vm?.pid;
    if (typeof pid === "number") Deno.kill(pid, "SIGKILL");
    await reports.until("web", "ended killed");
    await reports.until("web", "started");
    await supervisor.remove("web");
    await supervisor.close({ vms: "stop" });
    console.log("survived");
  },
};

if (import.meta.main) {
  const [name = "", folder = ""] = Deno.args;
  await SCRIPTS[name]?.(new Yard(folder));
}
