// Dumps of a guest's memory. Where a dump has to take its time, QEMU writes it into a pipe that is read as slowly as the test likes.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { dumpMemory, type DumpProgress } from "../../mod.ts";
import { soon, VmHost } from "./_vm_host.ts";

const MIB = 1024 * 1024;

/** A pipe with a name, and its reading end. QEMU opens the other one. */
async function pipe(host: VmHost): Promise<{ path: string; reader: Promise<Deno.FsFile> }> {
  const path = `${host.dir}/pipe-${crypto.randomUUID().slice(0, 8)}`;
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success);
  return { path, reader: Deno.open(path, { read: true }) };
}

Deno.test("dumpMemory() writes what the guest has in its memory, and leaves the guest as it was", async () => {
  await using host = await VmHost.make();
  const loader = "loader,addr=0x800000,data=0x7370656b65657121,data-len=8";
  await using vm = await host.obedient({ extraArgs: ["-device", loader] });
  await vm.pause();
  const file = `${host.dir}/memory, all of it.elf`;
  const { completedBytes, totalBytes } = await soon(dumpMemory(vm, file));
  assertEquals(completedBytes, totalBytes);
  assert(totalBytes >= 16 * MIB);
  const dump = new TextDecoder("latin1").decode(await Deno.readFile(file));
  assertEquals(dump.slice(1, 4), "ELF");
  assert(dump.includes("!qeekeps"), "the guest's memory is not in it");
  assertEquals((await vm.status()).status, "paused");
});

Deno.test("dumpMemory() lets a guest that ran run on, and writes the format that it is told", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const file = `${host.dir}/memory.kdump`;
  await soon(dumpMemory(vm, file, { format: "kdump-zlib" }));
  const bytes = await Deno.readFile(file);
  // As makedumpfile writes it into a pipe.
  assertEquals(new TextDecoder().decode(bytes.slice(0, 12)), "makedumpfile");
  // 16 MiB that are mostly zero.
  assert(bytes.length < 4 * MIB, `${bytes.length} bytes`);
  assertEquals((await vm.status()).running, true);
});

Deno.test("dumpMemory() tells how far it is, while QEMU answers everything else", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const { path, reader } = await pipe(host);
  const told: DumpProgress[] = [];
  const begun = Promise.withResolvers<void>();
  const dumped = dumpMemory(vm, path, {
    onProgress: (progress) => {
      told.push(progress);
      begun.resolve();
    },
  });
  using read = await reader;
  await soon(begun.promise);
  assertEquals((await vm.status()).running, false);
  const whole = await new Response(read.readable).bytes();
  const { totalBytes } = await soon(dumped);
  assert(whole.length > totalBytes);
  assert(told.every((progress) => progress.totalBytes === totalBytes));
  assert((told[0]?.completedBytes ?? Infinity) < 1 * MIB, "it was told only at the end");
});

Deno.test("dumpMemory() gives up when nothing more is written, and says how much was", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const { path, reader } = await pipe(host);
  const dumped = dumpMemory(vm, path, { stallMs: 2_000 });
  const failed = assertRejects(() => soon(dumped), Error, "nothing more was written for 2000 ms, at ");
  using _read = await reader;
  await failed;
});

Deno.test("dumpMemory() rejects with the signal's reason, before and while it waits", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const reason = new Error("no time for that");
  const early = await assertRejects(() => dumpMemory(vm, "/nowhere", { signal: AbortSignal.abort(reason) }));
  assertEquals(early, reason);
  const { path, reader } = await pipe(host);
  const giveUp = new AbortController();
  const dumped = dumpMemory(vm, path, { signal: giveUp.signal, onProgress: () => giveUp.abort(reason) });
  const failed = assertRejects(() => soon(dumped));
  using _read = await reader;
  assertEquals(await failed, reason);
});

Deno.test("dumpMemory() says why QEMU could not: no such directory, a full disk, a format that it was built without", async (t) => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ name: "web" });
  const cases = [
    ["/nowhere/memory", {}, `Could not open '/nowhere/memory': No such file or directory`],
    ["/dev/full", {}, "No space left on device"],
    [`${host.dir}/x`, { format: "kdump-raw-lzo" }, ""],
  ] as const;
  for (const [file, options, words] of cases) {
    await t.step(file, async () => {
      const error = await assertRejects(() => soon(dumpMemory(vm, file, options)), Error, words);
      assert(error.message.startsWith(`Cannot dump the memory of VM "web" to ${file}: `), error.message);
    });
  }
});

Deno.test("dumpMemory() rejects when QEMU ends meanwhile, which a dump does not keep it from", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const { path, reader } = await pipe(host);
  const dumped = dumpMemory(vm, path);
  const failed = assertRejects(() => soon(dumped), Error, "Cannot dump the memory");
  using read = await reader;
  await read.read(new Uint8Array(100));
  const { rung } = await vm.shutdown({ powerdownMs: 0 });
  assertEquals(rung, "quit");
  await failed;
});
