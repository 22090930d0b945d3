import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { launch, type Vm } from "../../mod.ts";
import { cloudImage, CloudImageError, linuxConfig, packIso } from "../../src/testing/mod.ts";
import { run, which } from "../../tools/setup/run.ts";
import { linuxTest } from "./_linux.ts";
import { VmHost } from "./_vm_host.ts";

const FILES = {
  "user-data": "#cloud-config\n{}\n",
  "meta-data": "{}\n",
  "network-config": "version: 2\n",
  "empty": "",
};

/** Programs that read an image by themselves; a machine that has one of them uses it. */
const READERS: readonly { program: string; read: (image: string) => Promise<void> }[] = [
  {
    program: "blkid",
    read: async (image) => {
      const said = await run(["blkid", "-p", image]);
      assertStringIncludes(said, `LABEL="cidata" TYPE="iso9660"`);
    },
  },
  {
    program: "isoinfo",
    read: async (image) => {
      const names = Object.keys(FILES).toSorted().map((name) => `/${name}\n`).join("");
      for (const tree of ["-R", "-J"]) {
        assertEquals(await run(["isoinfo", tree, "-f", "-i", image]), names);
        for (const [name, text] of Object.entries(FILES)) {
          assertEquals(await run(["isoinfo", tree, "-x", `/${name}`, "-i", image]), text);
        }
      }
    },
  },
  {
    program: "isovfy",
    read: async (image) => assertStringIncludes(await run(["isovfy", image]), "No errors found"),
  },
];

for (const { program, read } of READERS) {
  const missing = await which(program) === null;
  Deno.test({
    name: `packIso() makes an image that ${program} reads${missing ? " (which is not on this machine)" : ""}`,
    // Others read the image too; the name says it, and the end of the run lists it.
    ignore: missing,
    async fn() {
      const image = await Deno.makeTempFile({ suffix: ".iso" });
      await Deno.writeFile(image, packIso("cidata", FILES));
      await read(image);
      await Deno.remove(image);
    },
  });
}

/** A base image of 1 MiB that begins with a word. */
async function makeBase(path: string, format: "raw" | "qcow2"): Promise<string> {
  const raw = format === "raw" ? path : `${path}.tmp`;
  const disk = new Uint8Array(1024 * 1024);
  disk.set(new TextEncoder().encode("BASE"));
  await Deno.writeFile(raw, disk);
  if (format === "qcow2") {
    await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path]);
    await Deno.remove(raw);
  }
  return path;
}

async function say(vm: Vm, command: string): Promise<string> {
  await vm.console?.write(`{ ${command}; } 2>&1; echo E''ND $?\n`);
  const { before = "", groups = [] } = await vm.console?.expect(/END (\d+)\n/, { timeoutMs: 30_000 }) ?? {};
  return `${before}=>${groups[0]}`;
}

linuxTest(
  "cloudImage() gives a Linux its seed under both kinds of names, and a disk whose writes leave the image alone",
  async () => {
    await using host = await VmHost.make();
    const base = await makeBase(`${host.dir}/cloud.qcow2`, "qcow2");
    const before = await Deno.readFile(base);
    await using image = await cloudImage(base, {
      ...{ sizeMiB: 2, hostname: "web", dir: host.dir },
      userData: "#!/bin/sh\necho SEEDED\n",
      network: { version: 2 },
    });
    const linux = await linuxConfig({ modules: ["virtio_pci", "virtio_blk", "isofs"], dir: host.dir });
    {
      // What a starved host's kernel complains of would stand between what is read here.
      const append = `${linux.append} loglevel=0`;
      await using vm = await launch({ ...image.config, ...linux, accel: "tcg", append });
      await vm.console?.expect("GUEST-READY\n");
      assertEquals(await say(vm, "cat /sys/block/vda/size /sys/block/vdb/ro"), "4096\n1\n=>0");
      assertEquals(await say(vm, "head -c 4 /dev/vda"), "BASE=>0");
      assertEquals(await say(vm, "printf GUEST | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null"), "=>0");
      // Where a volume has its label.
      assertEquals(await say(vm, "dd if=/dev/vdb bs=1 skip=32808 count=6 2>/dev/null"), "cidata=>0");
      for (const names of ["norock", "nojoliet"]) {
        assertEquals(
          await say(vm, `mkdir -p /seed && mount -t iso9660 -o ro,${names} /dev/vdb /seed`),
          "=>0",
        );
        assertEquals(await say(vm, "ls -1 /seed"), "meta-data\nnetwork-config\nuser-data\n=>0");
        assertEquals(
          await say(vm, "sh /seed/user-data; cat /seed/network-config"),
          'SEEDED\n{\n  "version": 2\n}\n=>0',
        );
        assertStringIncludes(await say(vm, "cat /seed/meta-data"), '"local-hostname": "web"');
        assertEquals(await say(vm, "umount /seed"), "=>0");
      }
      await vm.shutdown({ powerdownMs: 0 });
    }
    assertEquals(await Deno.readFile(base), before);
  },
);

Deno.test("cloudImage() gives each VM its own disk, and its files go with it", async () => {
  await using host = await VmHost.make();
  const base = await makeBase(`${host.dir}/cloud.raw`, "raw");
  const options = { dir: host.dir, hostname: "web" };
  {
    await using one = await cloudImage(base, options);
    await using two = await cloudImage(base, options);
    assertNotEquals(one.overlay, two.overlay);
    assertEquals(await Deno.readFile(one.seed), await Deno.readFile(two.seed));
    assertEquals(
      ((await Deno.stat(`${one.overlay}/..`.replace(/\/[^/]*\/\.\.$/, ""))).mode ?? 0) & 0o777,
      0o700,
    );
    await using other = await cloudImage(base, { ...options, hostname: "other" });
    assertNotEquals(await Deno.readFile(one.seed), await Deno.readFile(other.seed));
  }
  const left = await Array.fromAsync(Deno.readDir(host.dir));
  assertEquals(left.map(({ name }) => name).filter((name) => name.startsWith("qeeper-cloud")), []);
});

Deno.test("cloudImage() takes any name for a plain file's", async () => {
  await using host = await VmHost.make();
  const names = ["json:{}.raw", "nbd:localhost.raw", "-o help.raw", "a,b=c 'd' %s\n.raw", "raw:x.raw"];
  const cwd = Deno.cwd();
  try {
    Deno.chdir(host.dir);
    for (const name of names) {
      await makeBase(`${host.dir}/${name}`, "raw");
      await using image = await cloudImage(name, { dir: "." });
      const info = JSON.parse(await run(["qemu-img", "info", "--output=json", image.overlay]));
      assertEquals(info["full-backing-filename"], `${host.dir}/${name}`);
      assertEquals(info["backing-filename-format"], "raw");
      await using _vm = await launch({ ...image.config, accel: "tcg", memoryMiB: 16 }, { paused: true });
    }
  } finally {
    Deno.chdir(cwd);
  }
});

Deno.test("cloudImage() says what is wrong with an image, and leaves nothing behind", async () => {
  await using host = await VmHost.make();
  const raw = await makeBase(`${host.dir}/cloud.raw`, "raw");
  const refused = (path: string, options: Parameters<typeof cloudImage>[1], words: string) =>
    assertRejects(() => cloudImage(path, { dir: host.dir, ...options }), CloudImageError, words);
  await refused(`${host.dir}/none.raw`, {}, "No such file or directory");
  await refused(raw, { format: "qcow2" }, "Image is not in qcow2 format");
  await refused(
    `${host.dir}/ubuntu.img`,
    {},
    `its name does not say its format; give format: "qcow2" or "raw"`,
  );
  await refused(raw, { qemuImg: "no-such-qemu-img" }, "there is no no-such-qemu-img on this machine");
  const large = `${host.dir}/large.raw`;
  await Deno.writeFile(large, new Uint8Array(2 * 1024 * 1024));
  await refused(large, { sizeMiB: 1 }, "its disk has 2 MiB, which don't fit into the 1 of sizeMiB");
  await assertRejects(() => cloudImage(raw, { sizeMiB: 0.5 }), RangeError);
  await assertRejects(() => cloudImage(raw, { format: "raw,x=y" }), TypeError);
  const enough = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => cloudImage(raw, { dir: host.dir, signal: enough }), Error, "enough");
  const left = await Array.fromAsync(Deno.readDir(host.dir), ({ name }) => name);
  assertEquals(left.filter((name) => name.startsWith("qeeper-cloud")), []);
});
