import { abortable } from "@std/async/abortable";
import { type EventStream, QmpCommandError, type QmpEvent } from "../../qmp/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import { SnapshotError } from "./snapshot_error.ts";

/** More than any host can move: a guest that is stopped need not be spared. */
const UNLIMITED_BYTES_PER_SECOND = 64 * 1024 ** 3;

/** What became of an attempt to save a guest. */
export type Saved =
  /** Its state is in the file, which a QEMU like this one reads so. */
  | { readonly kind: "saved"; readonly read: "file" | "unix" }
  /** QEMU can't save it, in its own words. */
  | { readonly kind: "refused"; readonly why: string };

/** What is to be saved, and where. */
export interface SaveRequest {
  /** The file for the state. */
  readonly file: string;
  /** Memory that is in a file already is left out. */
  readonly memory: "kept" | "included";
  readonly signal: AbortSignal | undefined;
}

/**
 * What of a machine can't be saved, as QEMU says before it is tried. Some devices only say so once they are used.
 *
 * @param vm The VM.
 * @param signal Stops waiting.
 * @returns QEMU's words; null where nothing is in the way.
 */
export async function whatBlocks({ qmp }: Vm, signal?: AbortSignal): Promise<string | null> {
  const info = await qmp.execute("query-migrate", {}, signal ? { signal } : {});
  const reasons = info["blocked-reasons"] ?? [];
  return reasons.length === 0 ? null : reasons.join("; ");
}

/**
 * Whether this QEMU can leave out memory that is in a file.
 *
 * @param vm The VM.
 * @param signal Stops waiting.
 * @returns True if it can.
 */
export async function canKeepMemory({ qmp }: Vm, signal?: AbortSignal): Promise<boolean> {
  const found = await qmp.execute("query-migrate-capabilities", {}, signal ? { signal } : {});
  return found.some(({ capability }) => capability === "x-ignore-shared");
}

/**
 * Saves a guest that is stopped. It can't go on after that.
 *
 * @param vm The VM.
 * @param request What, and where.
 * @returns Whether QEMU could.
 */
export async function saveState(vm: Vm, request: SaveRequest): Promise<Saved> {
  const { qmp } = vm;
  const { file, memory, signal } = request;
  const until = signal ? { signal } : {};
  await qmp.execute("migrate-set-capabilities", { capabilities: capabilities(memory, true) }, until);
  await qmp.execute("migrate-set-parameters", { "max-bandwidth": UNLIMITED_BYTES_PER_SECOND }, until);
  // What is large QEMU writes and reads better by itself, where it can.
  const read = memory === "included" && (await qmp.schema()).accepts(
      "migrate-incoming",
      ...["channels", "addr", "transport", "file"],
    )
    ? "file"
    : "unix";
  using progress = qmp.events("MIGRATION");
  try {
    if (read === "file") await qmp.execute("migrate", { uri: `file:${file}` }, until);
    else await writeItself(vm, file, signal);
  } catch (error) {
    if (error instanceof QmpCommandError) return { kind: "refused", why: error.desc };
    throw error;
  }
  const end = await outcome(progress, signal);
  if (end === "completed") return { kind: "saved", read };
  const { "error-desc": why } = await qmp.execute("query-migrate", {}, until);
  return { kind: "refused", why: why ?? `the migration's status is ${end}` };
}

/**
 * The capabilities of a migration to or from a template.
 *
 * @param memory Whether memory in a file is left out.
 * @param state On, or off again.
 * @returns What `migrate-set-capabilities` takes.
 */
export function capabilities(
  memory: "kept" | "included",
  state: boolean,
): { capability: "events" | "x-ignore-shared"; state: boolean }[] {
  const names = memory === "kept" ? ["events", "x-ignore-shared"] as const : ["events"] as const;
  return names.map((capability) => ({ capability, state }));
}

/**
 * Waits for the end of a migration.
 *
 * @param progress The events of the migration.
 * @param signal Stops waiting.
 * @returns Its last status.
 * @throws {SnapshotError} When QEMU ends first.
 */
export async function outcome(
  progress: EventStream<QmpEvent<"MIGRATION">>,
  signal?: AbortSignal,
): Promise<string> {
  for (;;) {
    const next = progress.next();
    const { value, done } = await (signal ? abortable(next, signal) : next);
    if (done) throw new SnapshotError("Cannot wait for QEMU's migration: QEMU ended");
    const { status } = value.data;
    if (status === "completed" || status === "failed" || status === "cancelled") return status;
  }
}

/** QEMU sends its state to a socket of ours: this needs no other program, so its sandbox can stay as tight as it is. */
async function writeItself(vm: Vm, file: string, signal: AbortSignal | undefined): Promise<void> {
  const path = `${vm.runDir}/migrate`;
  using target = await Deno.open(file, { write: true, create: true, truncate: true, mode: 0o600 });
  using listener = Deno.listen({ transport: "unix", path });
  // Whoever waits for a connection that never comes is told so by the close.
  const accepted = listener.accept().catch(() => null);
  try {
    await vm.qmp.execute("migrate", { uri: `unix:${path}` }, signal ? { signal } : {});
  } catch (error) {
    listener.close();
    (await accepted)?.close();
    throw error;
  }
  using conn = await (signal ? abortable(accepted, signal) : accepted);
  if (conn === null) throw new SnapshotError("Cannot save a guest: QEMU did not connect");
  const buffer = new Uint8Array(256 * 1024);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    signal?.throwIfAborted();
    for (let written = 0; written < count;) written += await target.write(buffer.subarray(written, count));
  }
}
