import { abortable } from "@std/async/abortable";
import { deadline } from "@std/async/deadline";
import type { Undo } from "./fault.ts";
import { HeldPipe } from "./held_pipe.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/** How much of the guest's memory QEMU is told to write: more than any pipe holds, so that it can't come to the end by itself. */
const BYTES = 4 * 1024 * 1024;

/** A main loop that is blocked. */
export interface BlockedLoop {
  readonly undo: Undo;
  /** Resolves when it goes on, or is gone. */
  readonly over: Promise<void>;
}

/**
 * Blocks QEMU's main loop: QEMU writes the guest's memory to a pipe (`pmemsave`) that nobody empties, with its big lock held.
 *
 * @param scene Whose main loop.
 * @returns Lets it go on.
 */
export async function blockMainLoop(scene: FaultScene): Promise<BlockedLoop> {
  const { vm, call } = scene;
  const dir = await Deno.makeTempDir({ prefix: "qeeper-block-" });
  const path = `${dir}/pipe`;
  using files = new DisposableStack();
  let reader: Deno.FsFile, writer: Deno.FsFile;
  try {
    await makePipe(path, call.signal);
    // Opened for both, which waits for nobody.
    reader = files.use(await Deno.open(path, { read: true, write: true }));
    writer = files.use(await Deno.open(path, { write: true }));
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
  const held = files.move();
  const saving = vm.qmp.execute("pmemsave", { val: 0, size: BYTES, filename: path });
  const pipe = new HeldPipe(reader, writer, saving);
  const over = pipe.ended.then(async () => {
    held.dispose();
    await Deno.remove(dir, { recursive: true });
  });
  const undo = async () => {
    pipe.empty();
    await over;
  };
  try {
    // The first byte in the pipe comes from the main loop, which is now in that command and can't leave it.
    const { timeoutMs, signal } = call;
    const began = await deadline(abortable(pipe.begun, signal ?? new AbortController().signal), timeoutMs);
    if (began) return { undo, over };
  } catch (error) {
    await undo();
    if (error instanceof DOMException && error.name === "TimeoutError" && !call.signal?.aborted) {
      throw new Obstacle(`it did not begin to write within ${call.timeoutMs} ms`, { cause: error });
    }
    throw error;
  }
  await over;
  await saving; // throws what QEMU said
  throw new Obstacle("QEMU wrote the whole of the guest's memory without waiting");
}

async function makePipe(path: string, signal: AbortSignal | undefined): Promise<void> {
  const command = new Deno.Command("mkfifo", {
    args: ["-m", "600", path],
    stdin: "null",
    stderr: "piped",
    ...(signal ? { signal } : {}),
  });
  let output: Deno.CommandOutput;
  try {
    output = await command.output();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Obstacle("the program mkfifo, which makes the pipe for it, can't be run", { cause });
  }
  signal?.throwIfAborted();
  if (!output.success) throw new Obstacle(`mkfifo said: ${new TextDecoder().decode(output.stderr).trim()}`);
}
