// deno-lint-ignore-file no-console -- an example talks to whoever runs it
// The classic pair, one monitor for a person and one for a program: `deno run -A examples/two_monitors.ts`
import { HmpMonitor, launch } from "@qeeper/qeeper";
import { QmpClient } from "@qeeper/qeeper/qmp";

await using vm = await launch({
  machine: "none",
  accel: "tcg",
  monitors: [
    { id: "human", mode: "readline" }, // -chardev socket,id=human,... -mon chardev=human,mode=readline
    { id: "program", mode: "control" }, // -chardev socket,id=program,... -mon chardev=program,mode=control
  ],
});

const human = vm.monitors.get("human");
const program = vm.monitors.get("program");
if (!(human instanceof HmpMonitor) || !(program instanceof QmpClient)) {
  throw new Error("Both monitors must be there");
}

// What a person would type (and a person can: with `socat - UNIX-CONNECT:PATH`, between two commands of ours).
console.log(`human, on ${human.address.transport}: ${(await human.execute("info status")).trim()}`);

// Both see the same machine: the person's `stop` is an event for the program.
const stopped = await program.expect("STOP", () => human.execute("stop"));
console.log(`program saw ${stopped.event}`);
const resumed = await program.expect("RESUME", () => program.execute("cont"));
console.log(`program saw ${resumed.event}`);
