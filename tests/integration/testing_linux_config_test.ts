import { assertEquals } from "@std/assert";
import { linuxTest, NO_AGENT } from "./_linux.ts";
import { bootVm, linuxConfig } from "../../src/testing/mod.ts";

linuxTest(
  "linuxConfig() gives a Linux that boots as it is, its initramfs written once and forgotten after a week",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-linux-" });
    await using disposal = new AsyncDisposableStack();
    disposal.defer(() => Deno.remove(dir, { recursive: true }));
    const old = await linuxConfig({ dir, files: { "etc/motd": "old" } });
    const longAgo = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000);
    await Deno.utime(old.initrd ?? "", longAgo, longAgo);
    await Deno.writeTextFile(`${dir}/mine`, "of somebody else");

    const config = await linuxConfig({ dir, agent: true, files: { "etc/motd": "new" } });
    const { mtime } = await Deno.stat(config.initrd ?? "");
    const again = await linuxConfig({ dir, agent: true, files: { "etc/motd": "new" } });
    assertEquals(again, config);
    assertEquals((await Deno.stat(config.initrd ?? "")).ino, (await Deno.stat(again.initrd ?? "")).ino);
    assertEquals(mtime !== null, true);
    const names = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name);
    assertEquals(names.toSorted(), [(config.initrd ?? "").slice(dir.length + 1), "mine"]);

    await using vm = await bootVm({ ...config, accel: "tcg" });
    assertEquals((await vm.run("cat /etc/motd", { timeoutMs: 60_000 })).stdout, "new");
  },
  NO_AGENT,
);
