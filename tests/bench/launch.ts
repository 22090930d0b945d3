import { launch as launchVm, type VmConfig } from "../../mod.ts";
import { withoutTie } from "../../src/machine/monitors.ts";
import { rom, unirom } from "../../src/testing/mod.ts";
import { bareCommand } from "./bare_qemu.ts";
import { type Bench, cClient, figureOf } from "./contestants.ts";
import { type Contestant, race } from "./race.ts";
import type { Group } from "./report.ts";

/**
 * From the start of QEMU to a VM that is ready: for C one monitor negotiated, for Qeeper all of them, the console connected and the
 * guest running.
 *
 * @param bench How often, and beside what.
 * @returns The outcome.
 */
export async function launch(bench: Bench): Promise<Group> {
  const { dir, sockets, client } = bench.baselines;
  const bios = `${dir}/unirom`;
  await Deno.writeFile(bios, rom(unirom.code));
  const config: VmConfig = { machine: "pc", accel: "tcg", memoryMiB: 16, firmware: { bios } };
  let argv: readonly string[] = [];
  let runDir = "";
  const qeeper = async (): Promise<number> => {
    const start = performance.now();
    await using vm = await launchVm(config);
    const ms = performance.now() - start;
    // Nobody listens for what reports to this process when C runs it.
    argv = withoutTie(vm.argv ?? []);
    runDir = vm.runDir ?? "";
    return ms;
  };
  await qeeper();
  // What QEMU itself takes for the longer command line is not Qeeper's doing: this row shows it.
  const sameCommand: Contestant[] = client === null ? [] : [{
    name: "C, one monitor, Qeeper's command line",
    run: async () => {
      const own = await Deno.makeTempDir({ dir: sockets, prefix: "vm-" });
      return await figureOf([
        client,
        "launch",
        `${own}/control`,
        ...argv.map((arg) => arg.replaceAll(runDir, own)),
      ]);
    },
  }];
  const socket = `${sockets}/launch`;
  const bare = bareCommand("pc", socket, ["-m", "16", "-bios", bios]);
  const figures = await race([
    { name: "Qeeper", run: qeeper },
    ...cClient(bench, "C, one monitor", ["launch", socket, ...bare]),
    ...sameCommand,
  ], bench.rounds);
  return {
    title: "Launch to ready: pc with a tiny firmware",
    unit: "ms",
    figures,
    targets: [{ kind: "beyond", of: "Qeeper", to: "C, one monitor", atMostMs: 5 }],
  };
}
