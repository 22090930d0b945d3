import { abortable } from "@std/async/abortable";
import { QmpCommandError, QmpInterruptedError } from "../../qmp/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import { capabilities, outcome } from "./save_state.ts";
import { SnapshotError } from "./snapshot_error.ts";

/** What is to be loaded. */
export interface LoadRequest {
  /** The file with the state. */
  readonly file: string;
  /** Its content, where it is small and known already. */
  readonly content: Uint8Array | null;
  readonly memory: "kept" | "included";
  /** Whether QEMU reads the file by itself, or is given its content over a socket. */
  readonly read: "file" | "unix";
  readonly signal: AbortSignal | undefined;
}

/** QEMU would not take a template. */
export class TemplateRefusedError extends Error {
  override readonly name = "TemplateRefusedError";
}

/**
 * Gives a machine that waits for it (`incoming: "defer"`) the state of a template. It is paused then.
 *
 * @param vm The VM.
 * @param request What is loaded.
 * @throws {TemplateRefusedError} When QEMU can't make anything of it, which mostly is its own end too; it has QEMU's words.
 */
export async function loadState(vm: Vm, request: LoadRequest): Promise<void> {
  const { qmp } = vm;
  const { memory, signal } = request;
  const until = signal ? { signal } : {};
  try {
    using progress = qmp.events("MIGRATION");
    await qmp.execute("migrate-set-capabilities", { capabilities: capabilities(memory, true) }, until);
    await feed(vm, request);
    const end = await outcome(progress, signal);
    if (end !== "completed") throw new SnapshotError(`The migration's status is ${end}`);
    // What the test itself migrates later is its own business.
    await qmp.execute("migrate-set-capabilities", { capabilities: capabilities(memory, false) }, until);
  } catch (error) {
    signal?.throwIfAborted();
    throw await explain(vm, error);
  }
}

async function feed(vm: Vm, { file, content, read, signal }: LoadRequest): Promise<void> {
  const until = signal ? { signal } : {};
  if (read === "file") {
    await vm.qmp.execute("migrate-incoming", { uri: `file:${file}` }, until);
    return;
  }
  const path = `${vm.runDir}/migrate`;
  await vm.qmp.execute("migrate-incoming", { uri: `unix:${path}` }, until);
  using conn = await Deno.connect({ transport: "unix", path });
  if (content !== null) return await writeAll(conn, content);
  using source = await Deno.open(file);
  const buffer = new Uint8Array(1024 * 1024);
  for (let count = await source.read(buffer); count !== null; count = await source.read(buffer)) {
    signal?.throwIfAborted();
    await writeAll(conn, buffer.subarray(0, count));
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await conn.write(bytes.subarray(written));
}

/** QEMU mostly says what is wrong on its stderr, and ends. */
async function explain(vm: Vm, error: unknown): Promise<unknown> {
  const gone = error instanceof SnapshotError || error instanceof QmpInterruptedError ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
  if (error instanceof QmpCommandError) return new TemplateRefusedError(error.desc, { cause: error });
  if (!gone) return error;
  try {
    const { stderrTail, detail } = await abortable(vm.stopped, AbortSignal.timeout(2_000));
    return new TemplateRefusedError(stderrTail.trim() || detail, { cause: error });
  } catch {
    return new TemplateRefusedError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
