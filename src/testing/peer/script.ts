import type { QmpCommands, QmpEvents } from "../../qmp/mod.ts";
import type { PeerCommand } from "./command.ts";
import type { PeerGreeting, PeerMessage } from "./wire.ts";

/**
 * An event of QEMU's, with what it carries. One that QEMU doesn't have is a `send` step.
 *
 * @example
 * ```ts
 * import type { PeerEventStep } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const step: PeerEventStep = { kind: "event", event: "SHUTDOWN", data: { guest: true, reason: "guest-panic" } };
 * assertEquals(step.data.reason, "guest-panic");
 * ```
 */
export type PeerEventStep = {
  [Name in keyof QmpEvents]:
    & { readonly kind: "event"; readonly event: Name }
    & ([QmpEvents[Name]] extends [undefined] ? { readonly data?: undefined }
      : { readonly data: QmpEvents[Name] });
}[keyof QmpEvents];

/**
 * What a peer may do about a command. `to` is a command that still waits, by its label or its name; without it the one that was
 * read last is meant.
 *
 * @typeParam Value What the command returns.
 *
 * @example A command fails the second time
 * ```ts
 * import type { PeerAnswerStep } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const fails: PeerAnswerStep = { kind: "fail", class: "DeviceNotFound", desc: "Device 'disk0' not found" };
 * const tells: PeerAnswerStep = { kind: "event", event: "DEVICE_DELETED", data: { path: "/machine/x" } };
 * assertEquals([fails.kind, tells.kind], ["fail", "event"]);
 * ```
 */
export type PeerAnswerStep<Value = unknown> =
  /** Returns a value; `{}` unless said. */
  | { readonly kind: "reply"; readonly value?: Value; readonly to?: undefined }
  /** Returns a value to another command. */
  | { readonly kind: "reply"; readonly value?: unknown; readonly to: string }
  /** Refuses; the class is `GenericError` unless said. */
  | { readonly kind: "fail"; readonly class?: string; readonly desc: string; readonly to?: string }
  /** Returns a text that makes the reply's line exactly so long. */
  | { readonly kind: "huge"; readonly lineBytes: number; readonly to?: string }
  /** Leaves the command unanswered, to be answered by a later step, or never. */
  | { readonly kind: "hold" }
  | PeerEventStep
  /** Sends a message, or any text or bytes, right or wrong. */
  | { readonly kind: "send"; readonly message: PeerMessage }
  /** Waits so long: commands in band wait behind it, those out of band don't. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Ends the connection. */
  | { readonly kind: "end" };

/**
 * What is done about a command: steps, or what makes them from it.
 *
 * @typeParam Value What the command returns.
 *
 * @example
 * ```ts
 * import type { PeerAnswer } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const echo: PeerAnswer = ({ arguments: args }) => [{ kind: "reply", value: args }];
 * assertEquals(echo({ name: "x-echo", band: "in", arguments: { n: 1 }, id: 7 }), [
 *   { kind: "reply", value: { n: 1 } },
 * ]);
 * ```
 */
export type PeerAnswer<Value = unknown> =
  | readonly PeerAnswerStep<Value>[]
  | ((command: PeerCommand) => readonly PeerAnswerStep<Value>[]);

/**
 * What is done about each command, by its name; `*` is for all others. A command without an answer is refused as one that QEMU
 * doesn't know. Of QEMU's own commands the replies are typed.
 *
 * @example The reply to one command waits for another one, which overtakes it
 * ```ts
 * import { FakePeer, type PeerAnswers, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const answers: PeerAnswers = {
 *   "query-name": [{ kind: "hold" }],
 *   "query-yank": [{ kind: "reply", value: [] }, { kind: "reply", to: "query-name", value: { name: "web" } }],
 * };
 * await using peer = await FakePeer.listen();
 * peer.serve(qemuScript({ answers }));
 * await using qmp = await QmpClient.connect(peer.address);
 * const order: string[] = [];
 * await Promise.all([
 *   qmp.execute("query-name").then(() => order.push("name")),
 *   qmp.execute("query-yank", {}, { oob: true }).then(() => order.push("yank")),
 * ]);
 * assertEquals(order, ["yank", "name"]);
 * ```
 */
export type PeerAnswers =
  & { readonly [Name in keyof QmpCommands]?: PeerAnswer<QmpCommands[Name]["returns"]> }
  & { readonly [name: string]: PeerAnswer | undefined };

/**
 * One step of a script.
 *
 * @example
 * ```ts
 * import { memoryPeer, type PeerStep } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: PeerStep[] = [{ kind: "greet" }, { kind: "end" }];
 * await using peer = memoryPeer();
 * await peer.connection.play(steps);
 * assertEquals(peer.connection.endedBy, "script");
 * ```
 */
export type PeerStep =
  /** Says hello, and goes on without waiting for an answer. */
  | { readonly kind: "greet"; readonly greeting?: PeerGreeting }
  /** Says hello, waits for `qmp_capabilities`, and takes it. */
  | { readonly kind: "negotiate"; readonly greeting?: PeerGreeting }
  /** Waits for the next command, which has to be this one where one is named. `as` labels it for a later `to`. */
  | { readonly kind: "await"; readonly command?: string; readonly as?: string }
  | PeerAnswerStep
  /** Answers every command until the client leaves or an answer ends the connection. */
  | { readonly kind: "serve"; readonly answers: PeerAnswers }
  /** Reads, and says nothing, until the client leaves. */
  | { readonly kind: "silence" };

/**
 * What a peer does on a connection, step by step. After the last step the connection stays open, without a word.
 *
 * @example A greeting that an event interrupts, and a QEMU that dies in the middle of a reply
 * ```ts
 * import { FakePeer, type PeerScript } from "@qeeper/qeeper/testing";
 * import { QmpClient, QmpInterruptedError } from "@qeeper/qeeper/qmp";
 * import { assertRejects } from "@std/assert";
 *
 * const script: PeerScript = [
 *   { kind: "event", event: "RESUME" },
 *   { kind: "negotiate" },
 *   { kind: "await", command: "query-status" },
 *   { kind: "send", message: '{"return": {"runn' },
 *   { kind: "end" },
 * ];
 * await using peer = await FakePeer.listen();
 * peer.serve(script);
 * await using qmp = await QmpClient.connect(peer.address);
 * await assertRejects(() => qmp.execute("query-status"), QmpInterruptedError);
 * await peer.played();
 * ```
 */
export type PeerScript = readonly PeerStep[];
