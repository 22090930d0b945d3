// deno-lint-ignore-file no-console -- an example talks to whoever runs it
// Keep two guests running: one panics every other life, one resets itself: `deno run -A examples/supervise.ts`
import { Supervisor } from "@qeeper/qeeper";
import { demoDisk, rom, tinyGuests } from "@qeeper/qeeper/testing";

const folder = await Deno.makeTempDir();
await Deno.writeFile(`${folder}/moody.img`, demoDisk());
await Deno.writeFile(`${folder}/spin.rom`, rom(tinyGuests.spin.code));

await using supervisor = await Supervisor.open();
using reports = supervisor.reports();

await supervisor.add({
  config: {
    name: "moody",
    accel: "tcg",
    memoryMiB: 16,
    drives: [{ file: `${folder}/moody.img`, interface: "ide" }],
  },
  restart: "on-failure", // a panic is one, a power-off is not
  limit: { restarts: 3, withinMs: 60_000 },
});
const steady = await supervisor.add({
  config: { name: "steady", accel: "tcg", memoryMiB: 16, firmware: { bios: `${folder}/spin.rom` } },
  restart: "always",
  stop: { powerdownMs: 0 }, // this guest does not look at its power button
});
// Somebody kills the second one; it comes back.
await steady.vm?.kill();

let steadyLives = 0;
let done = false;
for await (const report of reports) {
  if (report.kind === "started" && report.vm === "steady") steadyLives++;
  if (report.kind === "ended") {
    const next = report.actions.map((action) => action.kind).join(", ");
    console.log(`${report.vm}: ${report.verdict.cause} -> ${next}`);
    done ||= report.verdict.cause === "guest-shutdown";
  }
  if (steadyLives === 2 && done) break;
}
for (const { name, wanted, phase, restarts } of supervisor.list()) {
  console.log(`${name} is wanted ${wanted} and is ${phase}, after ${restarts} restart(s)`);
}
await Deno.remove(folder, { recursive: true });
