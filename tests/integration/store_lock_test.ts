import { assertEquals, assertRejects } from "@std/assert";
import { StateError, StateLock, StateLockedError } from "../../src/supervisor/store/mod.ts";
import { StateDir, StoreScript } from "./_store.ts";

Deno.test("StateLock.take() is refused while another process holds it, by that one's pid, and not once that one was killed", async () => {
  await using dir = await StateDir.make();
  await using holder = new StoreScript("hold", dir.path);
  assertEquals(await holder.line(), "held");
  const error = await assertRejects(() => StateLock.take(dir.path), StateLockedError);
  assertEquals(
    error.message,
    `Cannot open the state directory ${dir.path}: a supervisor in process ${holder.pid} holds its lock ${dir.path}/lock; ` +
      "stop that one first, or use a directory of its own",
  );
  assertEquals([error.holderPid, error.path], [holder.pid, `${dir.path}/lock`]);

  await holder.kill();
  await holder.status;
  await using _lock = await StateLock.take(dir.path);
  assertEquals(await dir.read("lock"), `${Deno.pid}\n`);
});

Deno.test("StateLock.take() is refused within the same process too, until the first lock is given back", async () => {
  await using dir = await StateDir.make();
  const lock = await StateLock.take(dir.path);
  await assertRejects(
    () => StateLock.take(dir.path),
    StateLockedError,
    `in this same process, ${Deno.pid}, holds`,
  );
  await Promise.all([lock[Symbol.asyncDispose](), lock[Symbol.asyncDispose]()]);
  assertEquals(await dir.read("lock"), "");
  await using _next = await StateLock.take(dir.path);
});

Deno.test("StateLock.take() makes the directory for its user alone", async () => {
  await using dir = await StateDir.make();
  await using _lock = await StateLock.take(`${dir.path}/a/b`);
  const modes = await Promise.all(["a/b", "a/b/lock"].map((path) => Deno.stat(`${dir.path}/${path}`)));
  assertEquals(modes.map(({ mode }) => (mode ?? 0) & 0o777), [0o700, 0o600]);
});

Deno.test("StateLock.take() says when a holder does not say its pid", async () => {
  await using dir = await StateDir.make();
  using file = await Deno.open(`${dir.path}/lock`, { write: true, create: true });
  await file.lock(true);
  const error = await assertRejects(
    () => StateLock.take(dir.path),
    StateLockedError,
    "which did not say its pid",
  );
  assertEquals(error.holderPid, null);
});

Deno.test("StateLock.take() says why a directory can't be locked", async () => {
  await using dir = await StateDir.make();
  await dir.write("file", "");
  await assertRejects(
    () => StateLock.take(`${dir.path}/file`),
    StateError,
    `Cannot lock the state directory ${dir.path}/file: `,
  );
});
