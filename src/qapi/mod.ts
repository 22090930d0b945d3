/**
 * What QEMU says and takes, as types: every command, event and type of QMP and of the guest agent, generated from QEMU's own schema.
 * Names are spelled as QAPI spells them.
 *
 * What is sent is typed strictly. What QEMU says is open: a newer QEMU may say more, so an enum that is received takes other strings as well, and
 * members that are not listed are there at run time. Integers of 64 bits are `number | bigint`.
 *
 * @example
 * ```ts
 * import type { QmpCommands, QmpEvents } from "@qeeper/qeeper/qapi";
 * import { assertEquals } from "@std/assert";
 *
 * const status: QmpCommands["query-status"]["returns"] = { running: true, status: "running" };
 * const shutdown: QmpEvents["SHUTDOWN"] = { guest: true, reason: "guest-panic" };
 * assertEquals([status.status, shutdown.reason], ["running", "guest-panic"]);
 * ```
 *
 * @module
 */
export type { CallParameters, CallResult, CommandName, Empty, NoArguments } from "./call.ts";
export type { CommandFacts, EventFacts } from "./name_facts.ts";
export type { Open, Unlisted } from "./open.ts";
export type { QgaCommands } from "./qga.gen.ts";
export type * from "./qmp.gen.ts";
