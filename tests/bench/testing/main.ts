/** Measures what clones of a guest cost: beside the same made by hand, and beside booting. */
import { parseArgs } from "@std/cli/parse-args";
import { run, say, which } from "../../../tools/setup/run.ts";
import { LinuxGuestError, snapshotFixture } from "../../../src/testing/mod.ts";
import { median, race } from "../race.ts";
import { formatGroup } from "../report.ts";
import { bareClone, makeBareTemplate } from "./bare_clone.ts";
import { COUNT_VARIABLE, DIR_VARIABLE, RAM_VARIABLE, TESTS, WAY_VARIABLE } from "./clone_tests.ts";
import { linuxIn, MEMORY_MIB, untilIdle } from "./linux.ts";

/** How many tests are booted, for the estimate of how long all of them would take. */
const BOOTED = 5;
/** How many files with tests run side by side. */
const JOBS = 2;
/** How long all tests may take. */
const ALL_TESTS_S = 30;

const HELP = `Measures clones of a Linux guest (TCG, ${MEMORY_MIB} MiB).

Usage: deno task bench:testing [--rounds N]

1. From the start of a clone until its shell has answered, beside a bare script that does the same with QEMU alone.
2. ${TESTS} tests with a clone each, by \`deno test --parallel\` in two files, beside the same tests booted (estimated from ${BOOTED}).
--rounds N  how many clones count, each beside a bare one; default 30`;

async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], { string: ["rounds"], boolean: ["help"] });
  const rounds = Number(flags.rounds ?? 30);
  if (flags.help || !Number.isInteger(rounds) || rounds < 1) {
    say(HELP);
    return flags.help ? 0 : 2;
  }
  for (const program of ["qemu-system-x86_64", "qemu-img"]) {
    if (await which(program) !== null) continue;
    say(`There is no ${program} on the PATH; run \`deno task setup\``);
    return 1;
  }
  const dir = await Deno.makeTempDir({ prefix: "qeeper-bench-" });
  // A run root of its own: what killed scripts have left in the usual one is looked through.
  Deno.env.delete("XDG_RUNTIME_DIR");
  Deno.env.set("TMPDIR", dir);
  const ramDir = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "qeeper-bench-" });
  try {
    await raceClones(dir, ramDir, rounds);
    await testMany(dir, ramDir);
    return 0;
  } catch (error) {
    if (!(error instanceof LinuxGuestError)) throw error;
    say(error.message);
    return 1;
  } finally {
    await Deno.remove(dir, { recursive: true });
    await Deno.remove(ramDir, { recursive: true });
  }
}

async function raceClones(dir: string, ramDir: string, rounds: number): Promise<void> {
  const config = await linuxIn(dir);
  const linux = snapshotFixture(config, untilIdle, { dir: `${dir}/templates`, ramDir });
  const machine = ["-kernel", config.kernel, "-initrd", config.initrd, "-append", config.append];
  const bareDir = await Deno.makeTempDir({ dir });
  const template = await makeBareTemplate({
    dir: bareDir,
    ramDir,
    machine,
    memoryMiB: MEMORY_MIB,
    disk: `${dir}/disk.img`,
  });
  const kit = async (): Promise<number> => {
    const begun = performance.now();
    await using vm = await linux.clone();
    await vm.console.write("echo answer-$((40 + 2))\n");
    await vm.console.expect("answer-42\n");
    return performance.now() - begun;
  };
  const name = "a clone by the kit";
  const figures = await race([
    { name, run: kit },
    { name: "a bare script", run: () => bareClone(template) },
  ], rounds);
  say(formatGroup({
    title: "A clone of a Linux, from its start until its shell has answered",
    unit: "ms",
    figures,
    targets: [{ kind: "times", of: name, to: "a bare script", atMost: 1.6 }],
  }));
}

async function testMany(dir: string, ramDir: string): Promise<void> {
  // The template is made within the time that counts.
  await Deno.remove(`${dir}/templates`, { recursive: true });
  const clones = await testRun(dir, ramDir, TESTS, "memory");
  const again = await testRun(dir, ramDir, TESTS, "memory");
  const booted = await testRun(dir, ramDir, BOOTED, "boot");
  const estimate = median(booted.tests) * TESTS / JOBS;
  const row = (name: string, seconds: number, cpuSeconds: number) =>
    `  ${name.padEnd(36)} ${seconds.toFixed(1).padStart(7)} ${cpuSeconds.toFixed(1).padStart(7)}`;
  const kind = clones.seconds < ALL_TESTS_S ? "met" : "missed";
  say([
    "",
    `${TESTS} tests with a Linux each: uname, a write to its disk, nobody else's writes there (s, and s of processor time)`,
    row("with clones, the template made first", clones.seconds, clones.cpuSeconds),
    row("with clones, the template there", again.seconds, again.cpuSeconds),
    row(`booted, estimated from ${BOOTED}`, estimate, booted.cpuSeconds * TESTS / BOOTED),
    `  [${kind === "met" ? "x" : " "}] with clones it takes ${
      clones.seconds.toFixed(1)
    } s; target under ${ALL_TESTS_S} s: ${kind}`,
    `  Note: ${JOBS} files side by side; booted it takes ${
      (estimate / clones.seconds).toFixed(1)
    } times as long, and ` +
    `${
      (booted.cpuSeconds * TESTS / BOOTED / clones.cpuSeconds).toFixed(1)
    } times the processor time. Where others keep the ` +
    `machine busy, half of the processor time is what ${JOBS} cores of its own would take.`,
  ].join("\n"));
}

/** Runs the tests as anybody would. */
async function testRun(
  dir: string,
  ramDir: string,
  count: number,
  way: "memory" | "boot",
): Promise<{ seconds: number; cpuSeconds: number; tests: number[] }> {
  const here = new URL(".", import.meta.url).pathname;
  const cpuBefore = await childrenSeconds();
  const begun = performance.now();
  const output = await run([
    ...[
      "env",
      `${DIR_VARIABLE}=${dir}`,
      `${RAM_VARIABLE}=${ramDir}`,
      `${COUNT_VARIABLE}=${count}`,
      `${WAY_VARIABLE}=${way}`,
    ],
    ...[
      "DENO_JOBS=2",
      "NO_COLOR=1",
      Deno.execPath(),
      "test",
      "--reporter=junit",
      "-A",
      "--no-check",
      "--parallel",
    ],
    ...[`${here}clones_a.ts`, `${here}clones_b.ts`],
  ]);
  const seconds = (performance.now() - begun) / 1000;
  const cpuSeconds = await childrenSeconds() - cpuBefore;
  const tests = [...output.matchAll(/<testcase [^>]*time="([\d.]+)"/g)].map(([, time]) => Number(time));
  if (tests.length !== count) throw new Error(`${count} tests were to be run: ${output}`);
  return { seconds, cpuSeconds, tests };
}

/** How much processor time ended children, and theirs, have taken: what others do on the machine does not count in it. */
async function childrenSeconds(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/self/stat");
  // The name before it may hold anything; user and system time of children are fields 16 and 17, in hundredths.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
