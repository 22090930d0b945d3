// Clones a guest and says each step, one JSON value a line; with a step to hold it waits there for a byte on its stdin, with a step to die
// it kills itself there, as the OOM killer would.
import type { VmConfig } from "../../mod.ts";
import { snapshotFixture, type SnapshotStep } from "../../src/testing/mod.ts";
import { prepareGuest } from "./_snapshot_guest.ts";

/** What the child is told. */
export interface ChildOrders {
  config: VmConfig;
  dir: string;
  ramDir: string;
  dieAt?: SnapshotStep | "cloned";
  holdAt?: SnapshotStep;
}

if (import.meta.main) {
  const { config, dir, ramDir, dieAt, holdAt }: ChildOrders = JSON.parse(Deno.args[0] ?? "{}");
  const say = (value: unknown) =>
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  const die = () => Deno.kill(Deno.pid, "SIGKILL");
  const onProgress = ({ step }: { step: SnapshotStep }) => {
    say(step);
    if (step === dieAt) die();
    if (step === holdAt) Deno.stdin.readSync(new Uint8Array(1));
  };
  const fixture = snapshotFixture(config, prepareGuest, { dir, ramDir, onProgress });
  await using vm = await fixture.clone({ evidence: "never" });
  say({ pid: vm.pid });
  if (dieAt === "cloned") die();
  await vm.console.write("+");
  say({ answer: (await vm.console.expect(/\d/)).text });
}
