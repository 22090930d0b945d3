/** Makes a walk of faults over real QEMUs under a supervisor, and says which were survived. */
import { parseArgs } from "@std/cli/parse-args";
import { say } from "../../tools/setup/run.ts";
import { FAULT_KINDS } from "./fault_kinds.ts";
import { formatTally } from "./tally.ts";
import { Walk } from "./walk.ts";

const LEAST_GUESTS = 7;

const HELP =
  `Lets faults happen to guests and to their supervisor, by chance, and checks after each that all is as it has to be.

Usage: deno task chaos [--seed N] [--faults N] [--guests N] [--verbose]

--seed N    where chance comes from; the same seed plans the same walk. Default: another one each time, which is printed
--faults N  how many; default 1000, and at least ${FAULT_KINDS.length}: each kind comes at least once
--guests N  how many; default 12, and at least ${LEAST_GUESTS}
--verbose   says each batch of faults before it happens
The exit code is 1 if a fault was not survived.`;

async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], { string: ["seed", "faults", "guests"], boolean: ["help", "verbose"] });
  if (flags.help) {
    say(HELP);
    return 0;
  }
  const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 32));
  const faults = Number(flags.faults ?? 1_000);
  const guests = Number(flags.guests ?? 12);
  if (
    ![seed, faults, guests].every(Number.isInteger) || faults < FAULT_KINDS.length || guests < LEAST_GUESTS
  ) {
    say(HELP);
    return 2;
  }
  say(`Seed ${seed}, ${faults} faults, ${guests} guests`);
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => ending.abort());
  const start = performance.now();
  const walk = new Walk({
    seed,
    faults,
    guests,
    say,
    verbose: flags.verbose === true,
    signal: ending.signal,
  });
  const { tally, lost, notes } = await walk.run();
  for (const line of [...formatTally(tally), ...notes]) say(line);
  const survived = tally.reduce((sum, row) => sum + row.survived, 0);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  say(`Seed ${seed}: ${survived} of ${faults} survived, ${lost} lost, in ${seconds} s`);
  return survived === faults ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
