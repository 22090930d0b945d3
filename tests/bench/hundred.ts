import { rom, tinyGuests } from "../../src/testing/mod.ts";
import type { Bench } from "./contestants.ts";
import type { Group } from "./report.ts";

/** What the script tells. */
interface Measured {
  aloneKiB: number;
  perGuestKiB: number;
  idlePercent: number;
  toReport: number[];
  toNextLife: number[];
  adoptionMs: number;
}

/**
 * A supervisor of a hundred guests that print and halt: what it costs while nothing happens, and what a death among many takes.
 *
 * @param bench How many deaths count.
 * @returns The outcome; null where there is no `/proc` to measure by.
 */
export async function hundred(bench: Bench): Promise<Group | null> {
  if (Deno.build.os !== "linux") return null;
  const dir = await Deno.makeTempDir({ dir: bench.baselines.dir, prefix: "hundred-" });
  const run = await Deno.makeTempDir({ dir: bench.baselines.sockets, prefix: "hundred-" });
  const bios = `${dir}/halt`;
  await Deno.writeFile(bios, rom(tinyGuests.printAndHalt.code));
  const script = new URL("scripts/hundred.ts", import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", script, dir, run, bios, String(bench.rounds)],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure: ${script} failed`);
  const { aloneKiB, perGuestKiB, idlePercent, toReport, toNextLife, adoptionMs }: Measured = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return {
    title: "100 guests under one supervisor with a state directory: after kill -9 of one",
    unit: "ms",
    figures: new Map([["to the report", toReport], ["to the next life", toNextLife]]),
    targets: [
      { kind: "within", of: "to the report", atMostMs: 10 },
      {
        kind: "reached",
        of: "of one core, while nothing happens for 30 s",
        unit: "%",
        found: idlePercent,
        atMost: 0.5,
      },
      {
        kind: "reached",
        of: "for the next supervisor to take over all",
        unit: "ms",
        found: adoptionMs,
        atMost: 4_000,
      },
      { kind: "reached", of: "of memory a guest", unit: "KiB", found: perGuestKiB, atMost: 120 },
      { kind: "reached", of: "of memory with one guest", unit: "MiB", found: aloneKiB / 1024, atMost: 60 },
    ],
  };
}
