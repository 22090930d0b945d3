// deno-lint-ignore-file no-console -- a script talks to whoever runs it
// Launches a guest that outlives it, as a supervisor does, says what it knows of it, and waits to be killed: `_orphan_script.ts CONFIG FOLDER`.
import { launch, type VmConfig } from "../../mod.ts";
import type { AdoptRun } from "../../src/vm/adopt.ts";
import { readStartTime } from "../../src/vm/proc.ts";

const [json = "{}", folder = ""] = Deno.args;
const config: VmConfig = JSON.parse(json);
const runDir = `${folder}/run`;
const stderrFile = `${folder}/stderr.log`;
const lifetime = { kind: "detached", stderrFile } as const;
const vm = await launch(config, { runDir, lifetime, recorder: "on" });
// A guest that obeys says when it does.
if (Deno.args[2] !== undefined) await vm.console?.expect(Deno.args[2]);
const { name, argv, pid } = vm;
const startTime = pid === null ? null : readStartTime(pid);
const run: AdoptRun = { name, config, argv: argv ?? [], runDir, stderrFile, pid, startTime };
console.log(JSON.stringify(run));
await vm.stopped;
