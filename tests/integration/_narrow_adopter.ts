// deno-lint-ignore-file no-console -- a script talks to whoever runs it
// Adopts a guest with few permissions, and says what it found, a line each: `_narrow_adopter.ts RUN UUID`.
import type { Verdict } from "../../mod.ts";
import { adopt, type AdoptRun } from "../../src/vm/adopt.ts";
import { gatherEvidence } from "../../src/vm/identity.ts";
import { readStartTime } from "../../src/vm/proc.ts";

function say(value: unknown): void {
  console.log(JSON.stringify(value));
}

function inShort({ cause, process, rung, exit, oomKill }: Verdict) {
  return { cause, process, rung, exit, oomKill };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : "no error";
}

const [json = "", uuid = "", how = ""] = Deno.args;
const run: AdoptRun = JSON.parse(json);
const { runDir, pid } = run;

if (how === "watch") {
  await using vm = await adopt(run);
  say("adopted");
  say(inShort(await vm.stopped));
} else {
  say(await gatherEvidence({ runDir, uuid, pid, startTime: null }));
  say(readStartTime(pid ?? 0));
  {
    await using vm = await adopt(run);
    say(nameOf(await vm.kill().catch((error) => error)));
    say(nameOf(await vm.shutdown({ powerdownMs: 1, quitMs: 0 }).catch((error) => error)));
    // Without its monitor nothing is left that could end it: it is let go of.
    await vm.qmp.close();
    await vm[Symbol.asyncDispose]();
    say(inShort(await vm.stopped));
  }
  await using vm = await adopt(run);
  say(inShort(await vm.shutdown({ powerdownMs: 0 })));
}
