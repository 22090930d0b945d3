import type { PeerCommand } from "./command.ts";

/**
 * A message, or text or bytes that are sent as they are, right or wrong.
 *
 * @example
 * ```ts
 * import { memoryPeer, type PeerMessage } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const garbage: PeerMessage = '{"event": oops}\r\n';
 * await using peer = memoryPeer();
 * await peer.connection.send(garbage, Uint8Array.of(0xff));
 * assertEquals(peer.connection.sentBytes, 18);
 * ```
 */
export type PeerMessage = Readonly<Record<string, unknown>> | string | Uint8Array;

/**
 * How a greeting differs from that of QEMU 10.
 *
 * @example
 * ```ts
 * import { FakePeer, type PeerGreeting, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const greeting: PeerGreeting = { version: { major: 7, minor: 2, micro: 22 }, capabilities: [] };
 * await using peer = await FakePeer.listen();
 * peer.serve(qemuScript({ greeting }));
 * await using qmp = await QmpClient.connect(peer.address);
 * assertEquals(qmp.greeting.version.qemu.major, 7);
 * ```
 */
export interface PeerGreeting {
  /** QEMU's version; a text is how QEMU 0.12 said it. Default 10.0.0. */
  readonly version?: Readonly<Record<"major" | "minor" | "micro", number>> | string;
  /** The distributor's words. Default none. */
  readonly package?: string;
  /** What may be enabled. Default `["oob"]`. */
  readonly capabilities?: readonly string[];
}

/** `JSON.rawJSON`, which V8 has and TypeScript's library does not declare yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
/** QEMU's own time of an event, which nobody should rely on here. */
const SOME_TIME = { seconds: 1_700_000_000, microseconds: 0 };

/** The greeting, which comes first on each connection. */
export function greetingMessage(greeting: PeerGreeting = {}): Readonly<Record<string, unknown>> {
  const { version = { micro: 0, minor: 0, major: 10 }, package: pkg = "", capabilities = ["oob"] } = greeting;
  return { QMP: { version: { qemu: version, package: pkg }, capabilities } };
}

/** An event as QEMU writes it; one that says nothing but its name has no data. */
export function eventMessage(
  event: string,
  data?: object,
): Readonly<Record<string, unknown>> {
  return { timestamp: SOME_TIME, event, ...(data === undefined ? {} : { data }) };
}

/** What a command returned. A command without an id gets a reply without one. */
export function returnMessage({ id }: Pick<PeerCommand, "id">, value: unknown): Record<string, unknown> {
  return { return: value, ...(id === undefined ? {} : { id }) };
}

/** Why a command was refused. */
export function errorMessage(
  { id }: Pick<PeerCommand, "id">,
  errorClass: string,
  desc: string,
): Record<string, unknown> {
  return { ...(id === undefined ? {} : { id }), error: { class: errorClass, desc } };
}

/**
 * The bytes of a message: one line, or with `pretty` many, as a monitor with `pretty=on` writes them.
 *
 * @param message The message, or what is sent as it is.
 * @param format How objects are written.
 * @returns Its bytes.
 */
export function encodeMessage(message: PeerMessage, format: "compact" | "pretty"): Uint8Array {
  if (message instanceof Uint8Array) return message;
  if (typeof message === "string") return new TextEncoder().encode(message);
  const digits = (_key: string, value: unknown) => typeof value === "bigint" ? rawJson(`${value}`) : value;
  const text = JSON.stringify(message, digits, format === "pretty" ? 4 : 0);
  // QEMU writes nothing but ASCII.
  const ascii = text.replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return new TextEncoder().encode(`${ascii}\r\n`);
}

/**
 * A reply of a length to the byte, its line end included: a text of many `x`.
 *
 * @param command Whose reply it is.
 * @param lineBytes How long the line is.
 * @returns The line.
 * @throws {RangeError} When so few bytes hold no reply.
 */
export function hugeReply(command: Pick<PeerCommand, "id">, lineBytes: number): Uint8Array {
  const empty = encodeMessage(returnMessage(command, ""), "compact");
  if (!Number.isInteger(lineBytes) || lineBytes < empty.length) {
    throw new RangeError(
      `Cannot make a reply of ${lineBytes} bytes: 'lineBytes' must be an integer, at least ${empty.length} here`,
    );
  }
  const line = new Uint8Array(lineBytes).fill(0x78);
  const opened = '{"return":"'.length;
  line.set(empty.subarray(0, opened));
  line.set(empty.subarray(opened), lineBytes - (empty.length - opened));
  return line;
}

/**
 * Cuts bytes into chunks.
 *
 * @param bytes What is to be written.
 * @param sizes The sizes of chunks, which are taken in turn; none for one chunk of everything.
 * @param turn How many chunks were cut before, which says whose turn it is.
 * @returns The chunks, in order; the last one has what is left.
 */
export function cutChunks(bytes: Uint8Array, sizes: readonly number[], turn: number): Uint8Array[] {
  if (sizes.length === 0) return bytes.length === 0 ? [] : [bytes];
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = sizes[(turn + chunks.length) % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
