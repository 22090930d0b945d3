// The pipe by which a test blocks QEMU's main loop, with a writer in the place of QEMU that ends at any moment.
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async/deadline";
import { HeldPipe } from "../../src/testing/faults/held_pipe.ts";

const LIMIT_MS = 20_000;
const PIPE_BYTES = 64 * 1024;

interface Ends {
  reader: Deno.FsFile;
  writer: Deno.FsFile;
  /** In QEMU's place. */
  qemu: Deno.FsFile;
}

async function withPipe(use: (ends: Ends) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-pipe-" });
  try {
    const path = `${dir}/pipe`;
    assertEquals((await new Deno.Command("mkfifo", { args: [path] }).output()).success, true);
    using reader = await Deno.open(path, { read: true, write: true });
    using writer = await Deno.open(path, { write: true });
    using qemu = await Deno.open(path, { write: true });
    await use({ reader, writer, qemu });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a held pipe that is emptied comes to its end however full it is when the last byte was written", async () => {
  for (let round = 0; round < 60; round++) {
    await withPipe(async ({ reader, writer, qemu }) => {
      const saving = Promise.withResolvers<void>();
      const pipe = new HeldPipe(reader, writer, saving.promise);
      const written = (async () => {
        // One byte goes to the first read, and the pipe is full.
        await qemu.write(new Uint8Array(1));
        for (let left = (round % 3) * PIPE_BYTES; left > 0; left -= PIPE_BYTES) {
          await qemu.write(new Uint8Array(PIPE_BYTES));
        }
      })();
      assertEquals(await pipe.begun, true);
      pipe.empty();
      await written;
      // Full to the brim, and the command over, before whoever reads has had a turn.
      await qemu.write(new Uint8Array(PIPE_BYTES));
      saving.resolve();
      await deadline(pipe.ended, LIMIT_MS);
    });
  }
});

Deno.test("a held pipe is over, and nothing has begun, when the command ends without a byte", async () => {
  await withPipe(async ({ reader, writer }) => {
    const pipe = new HeldPipe(reader, writer, Promise.reject(new Error("no such device")));
    assertEquals(await deadline(pipe.begun, LIMIT_MS), false);
    await deadline(pipe.ended, LIMIT_MS);
  });
});

Deno.test("a held pipe that nobody empties is over with the command that filled it", async () => {
  await withPipe(async ({ reader, writer, qemu }) => {
    const saving = Promise.withResolvers<void>();
    const pipe = new HeldPipe(reader, writer, saving.promise);
    await qemu.write(new Uint8Array(1));
    assertEquals(await pipe.begun, true);
    await qemu.write(new Uint8Array(PIPE_BYTES));
    saving.reject(new Error("killed"));
    await deadline(pipe.ended, LIMIT_MS);
    pipe.empty();
  });
});

Deno.test("a held pipe that is emptied before anything has come ends with the command", async () => {
  await withPipe(async ({ reader, writer }) => {
    const saving = Promise.withResolvers<void>();
    const pipe = new HeldPipe(reader, writer, saving.promise);
    pipe.empty();
    saving.reject(new Error("killed"));
    assertEquals(await deadline(pipe.begun, LIMIT_MS), false);
    await deadline(pipe.ended, LIMIT_MS);
  });
});
