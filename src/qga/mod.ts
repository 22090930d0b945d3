/**
 * The QEMU guest agent: run programs in the guest, read and write its files, freeze its file systems, and every other command that
 * `qemu-ga` has, typed from its own schema.
 *
 * `QgaClient` is the connection; a VM that was launched with `agent: true` has one as `vm.agent`. An agent that is not there, one
 * that does not answer, and one that refuses a command are three different errors; all are a `QgaError`, grouped by what the caller
 * can do.
 *
 * What this does not do: trust the guest. Whatever an agent says was said by the guest, so check it before you act on it.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { QgaAbsentError } from "@qeeper/qeeper/qga";
 * import { assert, assertEquals, assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ machine: "pc", accel: "tcg", agent: true }, { paused: true });
 * const { agent } = vm;
 * assert(agent !== null);
 * // No guest runs here. Where one does: `(await agent.exec("uname", ["-r"])).stdoutText`.
 * const error = await assertRejects(() => agent.ready({ timeoutMs: 50 }), QgaAbsentError);
 * assertEquals(error.missing, "agent");
 * ```
 *
 * @module
 */
export { type QgaAddress, QgaClient, type QgaClientOptions, type QgaExecuteOptions } from "./client.ts";
export {
  type QgaAbsence,
  QgaAbsentError,
  QgaCommandError,
  QgaDisabledError,
  QgaError,
  type QgaErrorKind,
  QgaInterruptedError,
  QgaProtocolError,
  QgaThawError,
  QgaTimeoutError,
} from "./errors.ts";
export { type ExecEnd, type ExecOptions, ExecResult } from "./exec.ts";
export type { ReadFileOptions, WriteFileOptions } from "./files.ts";
export type { FrozenOptions } from "./freeze.ts";
export { type AgentPort, agentPort, type AgentPortOptions } from "./port.ts";
export type { QgaCommands } from "../qapi/mod.ts";
