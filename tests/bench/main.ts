/** Measures Qeeper beside a minimal C client and QEMU's own Python client, and prints each ratio beside its target. */
import { parseArgs } from "@std/cli/parse-args";
import { say, which } from "../../tools/setup/run.ts";
import { QEMU } from "./bare_qemu.ts";
import { buildBaselines } from "./build.ts";
import { coldScript } from "./cold_script.ts";
import type { Bench } from "./contestants.ts";
import { editor } from "./editor.ts";
import { events } from "./events.ts";
import { hundred } from "./hundred.ts";
import { launch } from "./launch.ts";
import { pipelining } from "./pipelining.ts";
import { formatGroup, type Group } from "./report.ts";
import { roundTrips } from "./round_trips.ts";
import { crash, inPlace } from "./supervision.ts";

const GROUPS: Record<string, (bench: Bench) => Promise<Group | null>> = {
  "round-trips": roundTrips,
  "pipelining": pipelining,
  "events": (bench) => events(bench, "compact"),
  "events-pretty": (bench) => events(bench, "pretty"),
  "launch": launch,
  "cold-script": coldScript,
  "crash": crash,
  "in-place": inPlace,
  "editor": editor,
  "hundred": hundred,
};

const HELP =
  `Measures Qeeper beside a C client of the project's own and, where the machine has it, QEMU's qemu.qmp.

Usage: deno task bench [--rounds N] [group...]

Groups: ${Object.keys(GROUPS).join(", ")}. Without any, all of them.
--rounds N  how many rounds count, all in one run and interleaved; default 30
[x] is a target that is met, [ ] one that is missed, [?] one that could not be measured here. Compare ratios within
one run only, and never figures of two machines.`;

async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], { string: ["rounds"], boolean: ["help"] });
  if (flags.help) {
    say(HELP);
    return 0;
  }
  const rounds = Number(flags.rounds ?? 30);
  const names = flags._.length === 0 ? Object.keys(GROUPS) : flags._.map(String);
  const unknown = names.find((name) => GROUPS[name] === undefined);
  if (!Number.isInteger(rounds) || rounds < 1 || unknown !== undefined) {
    say(
      unknown === undefined
        ? `--rounds must be a positive integer, found ${flags.rounds}`
        : `No group ${unknown}`,
    );
    say(HELP);
    return 2;
  }
  if (await which(QEMU) === null) {
    say(`There is no ${QEMU} on the PATH; run \`deno task setup\``);
    return 1;
  }
  await using baselines = await buildBaselines();
  // A run root of its own: what killed scripts have left in the usual one is looked through at each launch. As a login has it, in memory.
  Deno.env.set("XDG_RUNTIME_DIR", baselines.sockets);
  for (const note of baselines.notes) say(note);
  for (const name of names) {
    const group = await GROUPS[name]?.({ rounds, baselines });
    say(
      group
        ? `\n${formatGroup(group)}`
        : `\n${name}: not measured here: it needs ${
          name === "hundred" ? "/proc" : "the events producer, a C program"
        }`,
    );
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
