import { assertArrayIncludes, assertEquals } from "@std/assert";
import { UNTOUCHED } from "../chaos/fault_script.ts";
import { audit, compareWorld, type Mismatch } from "../chaos/settle.ts";
import { formatTally } from "../chaos/tally.ts";
import { Walk } from "../chaos/walk.ts";
import { World } from "../chaos/world.ts";

/** The short form of `deno task chaos`: about 40 s. */
const FAULTS = 105;
const GUESTS = 8;
/** Always the same walk here, so that a change can be compared; `deno task chaos` takes another one each time. */
const seed = 7;

function say(text: string): void {
  // deno-lint-ignore no-console -- a walk that is lost is made again by its seed
  console.log(text);
}

Deno.test("a hundred faults, each kind of them, are survived by guests and their supervisor", async () => {
  const told: string[] = [];
  const walk = new Walk({
    seed,
    faults: FAULTS,
    guests: GUESTS,
    verbose: false,
    say: (line) => told.push(line),
  });
  const { tally, lost, notes } = await walk.run();
  say([`Seed ${seed}`, ...(lost > 0 ? told : []), ...formatTally(tally), ...notes].join("\n"));
  assertEquals(
    lost,
    0,
    `deno task chaos --seed ${seed} --faults ${FAULTS} --guests ${GUESTS} makes this walk again`,
  );
});

function inWords(mismatches: readonly Mismatch[]): string[] {
  return mismatches.map(({ guest, what }) => `${guest ?? "all"}: ${what}`);
}

Deno.test("the checks after each fault see what is wrong", async () => {
  await using world = await World.make(1);
  const before = await world.untilUp("g0");
  const outlook = { before: new Map([["g0", before]]), expected: new Map([["g0", UNTOUCHED]]), from: 0 };
  const compare = async () => inWords(await compareWorld(world, outlook));
  assertEquals(await compare(), []);
  assertEquals(inWords(await audit(world, "none")), []);

  await Deno.mkdir(`${world.runtimeDir}/stray`);
  assertEquals(await compare(), [`all: ${world.runtimeDir} has a stray stray`]);

  // An end that was not expected, and what is left of a guest that its supervisor does not know.
  Deno.kill(before.pid ?? -1, "SIGKILL");
  const after = await world.untilUp("g0", before.pid);
  assertArrayIncludes(await compare(), [
    `g0: has the QEMU ${after.pid} after ${before.pid}, and had to have: same`,
    "g0: told [ended killed], and it had to be no end",
  ]);
  const argv = (await Deno.readTextFile(`/proc/${after.pid}/cmdline`)).split("\0");
  const twin = new Deno.Command("qemu-system-x86_64", {
    args: ["-name", "guest=g0", "-display", "none", "-S", "-pidfile", `${world.folder}/twin`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (world.violations.size === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals([...world.violations], ["g0 had two QEMUs at once"]);
    assertArrayIncludes(await compare(), [`g0: has an orphan, process ${twin.pid}`]);
    // Its own disk would not have let it: QEMU locks images.
    const image = argv.find((word) => word.includes("driver=blkdebug")) ?? "";
    const thief = await new Deno.Command("qemu-system-x86_64", {
      args: ["-display", "none", "-S", "-blockdev", image, "-device", "ide-hd,drive=disk"],
    }).output();
    const reason = new TextDecoder().decode(thief.stderr);
    assertEquals([thief.code, reason.includes('Failed to get "write" lock')], [1, true], reason);
  } finally {
    twin.kill("SIGKILL");
    await twin.status;
  }

  // A report that is there twice. The supervisor that there is does not know of it.
  const journal = `${world.stateDir}/journal.jsonl`;
  const [line = ""] = (await Deno.readTextFile(journal)).split("\n");
  await Deno.writeTextFile(journal, `${line}\n`, { append: true });
  assertArrayIncludes(inWords(await audit(world, "none")), ["all: report 1 (g0) is in the journal twice"]);
});
