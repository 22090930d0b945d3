import { assert, assertEquals, assertMatch } from "@std/assert";
import { linuxConfig, type LinuxGuestOptions, snapshotFixture } from "../../src/testing/mod.ts";
import type { VmConfig } from "../../mod.ts";
import { linuxTest, NO_AGENT, NO_LINUX } from "./_linux.ts";
import { QEMUS } from "./_qemus.ts";
import { Templates } from "./_templates.ts";

/** A Linux with a disk of 4 MiB. */
async function linux(templates: Templates, options: LinuxGuestOptions, more: VmConfig): Promise<VmConfig> {
  const { dir } = templates.host;
  const config = await linuxConfig({ ...options, dir });
  await Deno.writeFile(`${dir}/disk.img`, new Uint8Array(4 * 1024 * 1024));
  return { ...config, accel: "tcg", drives: [{ file: `${dir}/disk.img` }], ...more };
}

for (const { binary, name, ignore } of QEMUS) {
  linuxTest(
    `clone() of a Linux goes on with its programs, its disk and its commands, with ${name}`,
    async () => {
      await using templates = await Templates.make();
      const networks = [{ type: "user", restrict: true, forward: [{ guest: 7 }] }] as const;
      const config = await linux(templates, {}, { binary, memoryMiB: 96, rng: true, networks });
      const fixture = snapshotFixture(config, async (vm) => {
        await vm.console.expect("GUEST-READY");
        const { exitCode } = await vm.run(
          "echo template >/dev/vda; sync; (sleep 1000 & echo $! >/run/sleep)",
        );
        assertEquals(exitCode, 0);
        await vm.run("setsid sh -c 'while :; do nc -l -p 7 -e cat /run/who; done' >/dev/null 2>&1 &");
      }, templates.options());
      const clones = await Promise.all([0, 1].map(() => fixture.clone({ evidence: "never" })));
      try {
        for (const [index, vm] of clones.entries()) {
          const { stdout } = await vm.run(
            `head -n 1 /dev/vda; echo ${index} | tee /run/who >/dev/vda; sync; uname -r`,
          );
          assertMatch(stdout, /^template\n\d+\.\d+/);
        }
        for (const [index, vm] of clones.entries()) {
          const { stdout } = await vm.run("head -n 1 /dev/vda; kill -0 $(cat /run/sleep) && echo sleeps");
          assertEquals(stdout, `${index}\nsleeps\n`);
          const [forward] = await vm.forwards();
          using conn = await Deno.connect({ hostname: "127.0.0.1", port: forward?.hostPort ?? 0 });
          const buffer = new Uint8Array(16);
          const count = await conn.read(buffer) ?? 0;
          assertEquals(new TextDecoder().decode(buffer.subarray(0, count)), `${index}\n`);
          assert(!vm.console.transcript.includes("GUEST-READY"), "it has booted");
        }
      } finally {
        for (const vm of clones) await vm[Symbol.asyncDispose]();
      }
      assertEquals(fixture.how?.way, "memory");
    },
    ignore ? "there is no such QEMU" : NO_LINUX,
  );
}

linuxTest(
  "clone() has the guest agent set the clock, and the hardware clock is right by itself",
  async () => {
    await using templates = await Templates.make();
    const config = await linux(templates, { agent: true }, { agent: true, memoryMiB: 128 });
    const prepare = async (vm: Parameters<Parameters<typeof snapshotFixture>[1]>[0]) => {
      await vm.console.expect("GUEST-READY");
      // As far off as in a template that is a year old.
      await vm.run("date -u -s '2025-01-01 00:00:00'");
    };
    const year = async (clock: "host" | "template") => {
      const fixture = snapshotFixture(config, prepare, templates.options({ clock }));
      await using vm = await fixture.clone({ evidence: "never" });
      const { stdout } = await vm.run("date -u +%s; hwclock -r -u | grep -o '20[0-9][0-9]'");
      const [seconds = "", hardware] = stdout.split("\n");
      assertEquals(Number(hardware), new Date().getUTCFullYear());
      return Math.abs(Number(seconds) - Date.now() / 1000) < 60 ? "now" : "then";
    };
    assertEquals([await year("template"), await year("host")], ["then", "now"]);
    assertEquals(templates.made, 1);
  },
  NO_AGENT,
);
