import { assert, assertEquals, assertRejects } from "@std/assert";
import { dumpToFile, followDumpToFile, removePartialDumps } from "../../src/supervisor/dump_files.ts";
import { dumpMemory } from "../../mod.ts";
import { soon, VmHost } from "./_vm_host.ts";

/** The files of a directory, by name. */
async function filesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
}

const SMALL = { format: "kdump-zlib" } as const;

Deno.test("dumpToFile() makes the directory for its owner only, and names the file after guest and time", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const place = { name: "a/b 1", dir: `${host.dir}/some/dumps` };
  const before = new Date();
  const file = await soon(dumpToFile(vm, place, {}));
  const [, time] = /^.*\/some\/dumps\/a%2Fb%201-(\d{8}T\d{6}\.\d{3}Z)\.elf$/.exec(file) ?? [];
  assert(time !== undefined, file);
  assert(time >= before.toISOString().replaceAll(/[-:]/g, ""));
  assert((await Deno.stat(file)).size > 16 * 1024 * 1024);
  assertEquals(((await Deno.stat(place.dir)).mode ?? 0) & 0o777, 0o700);
  assertEquals(await filesIn(place.dir), [file.slice(place.dir.length + 1)]);
});

Deno.test("dumpToFile() keeps the newest dumps of this guest, and leaves everything else alone", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const dir = `${host.dir}/dumps`;
  await Deno.mkdir(dir);
  const others = ["web-20200101T000000.000Z.elf.txt", "web-2-20200101T000000.000Z.elf", "web-notes.elf"];
  const old = ["web-20200101T000000.000Z.elf", "web-20200102T000000.000Z.kdump"];
  const cut = "web-20200103T000000.000Z.elf.part";
  for (const name of [...others, ...old, cut]) await Deno.writeTextFile(`${dir}/${name}`, "");
  const file = await soon(dumpToFile(vm, { name: "web", dir: "/unused" }, { ...SMALL, dir, keep: 2 }));
  const made = file.slice(dir.length + 1);
  assertEquals(await filesIn(dir), [...others, "web-20200102T000000.000Z.kdump", made].sort());
});

Deno.test("dumpToFile() leaves nothing of a dump that fails", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const place = { name: "web", dir: `${host.dir}/dumps` };
  await assertRejects(() => soon(dumpToFile(vm, place, { format: "kdump-raw-lzo" })), Error, "Cannot dump");
  assertEquals(await filesIn(place.dir), []);
  // As on a full disk, it fails after the first MiB.
  const { success } = await new Deno.Command("prlimit", { args: [`--pid=${vm.pid}`, "--fsize=1048576"] })
    .output();
  assert(success);
  await assertRejects(() => soon(dumpToFile(vm, place, {})), Error, "File too large");
  assertEquals(await filesIn(place.dir), []);
});

Deno.test("followDumpToFile() takes over the file of a dump that is whole, or is still being written", async (t) => {
  await using host = await VmHost.make();
  const place = { name: "web", dir: `${host.dir}/dumps` };
  await Deno.mkdir(place.dir);
  const stem = `${place.dir}/web-20200101T000000.000Z.elf`;
  await t.step("whole", async () => {
    await using vm = await host.obedient();
    await soon(dumpMemory(vm, `${stem}.part`));
    assertEquals(await soon(followDumpToFile(vm, place, {})), stem);
    assertEquals(await filesIn(place.dir), [stem.slice(place.dir.length + 1)]);
    await Deno.remove(stem);
  });
  await t.step("still being written", async () => {
    await using vm = await host.obedient();
    // Read as slowly as we like.
    const { success } = await new Deno.Command("mkfifo", { args: [`${stem}.part`] }).output();
    assert(success);
    const reader = Deno.open(`${stem}.part`, { read: true });
    const begun = soon(dumpMemory(vm, `${stem}.part`));
    using read = await reader;
    const telling = Promise.withResolvers<string>();
    const followed = followDumpToFile(vm, place, {}, { onProgress: ({ file }) => telling.resolve(file) });
    assertEquals(await soon(telling.promise), stem);
    const bytes = await new Response(read.readable).bytes();
    assertEquals(await soon(followed), stem);
    assert(bytes.length > 16 * 1024 * 1024);
    await begun;
    await Deno.remove(stem);
  });
});

Deno.test("followDumpToFile() begins again where there is no dump to follow", async (t) => {
  await using host = await VmHost.make();
  const place = { name: "web", dir: `${host.dir}/dumps` };
  await t.step("nothing was begun", async () => {
    await using vm = await host.obedient();
    const file = await soon(followDumpToFile(vm, place, SMALL));
    assertEquals(await filesIn(place.dir), [file.slice(place.dir.length + 1)]);
    await Deno.remove(file);
  });
  await t.step("an earlier QEMU wrote it", async () => {
    await using vm = await host.obedient();
    const cut = `${place.dir}/web-20200101T000000.000Z.kdump.part`;
    await Deno.writeTextFile(cut, "cut short");
    const file = await soon(followDumpToFile(vm, place, SMALL));
    assertEquals(await filesIn(place.dir), [file.slice(place.dir.length + 1)]);
    assert((await Deno.stat(file)).size > 1_000);
  });
});

Deno.test("removePartialDumps() removes what was cut short, and nothing else", async () => {
  await using host = await VmHost.make();
  const place = { name: "web", dir: `${host.dir}/dumps` };
  await removePartialDumps(place, {});
  await Deno.mkdir(place.dir);
  const whole = "web-20200101T000000.000Z.elf";
  for (const name of [whole, `${whole}.part`]) await Deno.writeTextFile(`${place.dir}/${name}`, "");
  await removePartialDumps(place, {});
  assertEquals(await filesIn(place.dir), [whole]);
});
