import { abortable } from "@std/async/abortable";
import { Limit } from "../../qmp/limit.ts";
import type { Vm } from "../../vm/mod.ts";
import type { TcpProbe, TextPattern } from "./probe.ts";
import type { Found, ProbeLimits } from "./probing.ts";
import { endOfLastMatch, showTextPattern } from "./text_pattern.ts";

/** How much is read in search of a text, in characters. */
const READ_CHARS = 64 * 1024;
/** How much of what was said instead is shown, in characters. */
const SHOWN_CHARS = 100;
/** QEMU accepts for the guest, and closes as soon as the guest says that nobody listens there, which takes it a few ms. */
const SETTLE_MS = 100;

/**
 * Connects to a port.
 *
 * @param vm The guest.
 * @param probe Which port, and what has to be said there.
 * @param limits Signal, and how long it may take.
 * @returns Whether somebody listens, and says what they should.
 * @throws The signal's reason.
 */
export async function probePort(
  vm: Pick<Vm, "forwards">,
  probe: TcpProbe,
  limits: ProbeLimits,
): Promise<Found> {
  const { signal, timeoutMs } = limits;
  const late = new Error(`there was no answer within ${timeoutMs} ms`);
  using limit = new Limit(timeoutMs, () => late, signal);
  try {
    const port = await portOf(vm, probe, limit.signal);
    if (port === null) return missed("no forward of a user network leads to that port");
    const { host: hostname = "127.0.0.1" } = probe;
    const connection = await Deno.connect({ hostname, port, signal: limit.signal });
    // A read or a write that waits ends with the connection.
    try {
      return await abortable(converse(connection, probe), limit.signal);
    } finally {
      connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return missed(error instanceof Error ? error.message : String(error));
  }
}

async function portOf(
  vm: Pick<Vm, "forwards">,
  probe: TcpProbe,
  signal: AbortSignal,
): Promise<number | null> {
  const { port } = probe;
  if (typeof port === "number") return port;
  const forwards = await vm.forwards({ signal });
  const forward = forwards.find(({ protocol, guestPort }) => protocol === "tcp" && guestPort === port.guest);
  return forward?.hostPort ?? null;
}

async function converse(connection: Deno.TcpConn, probe: TcpProbe): Promise<Found> {
  if (probe.send !== undefined) await writeAll(connection, probe.send);
  if (probe.expect === undefined) return await staysOpen(connection);
  return await says(connection, probe.expect);
}

async function writeAll(connection: Deno.TcpConn, text: string): Promise<void> {
  let left = new TextEncoder().encode(text);
  while (left.length > 0) left = left.subarray(await connection.write(left));
}

/** Whether it is not closed at once. */
async function staysOpen(connection: Deno.TcpConn): Promise<Found> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settled = new Promise<"open">((resolve) => timer = setTimeout(() => resolve("open"), SETTLE_MS));
  try {
    const heard = await Promise.race([connection.read(new Uint8Array(1)), settled]);
    return heard === null ? missed("the connection was closed at once") : { kind: "passed" };
  } finally {
    clearTimeout(timer);
  }
}

async function says(connection: Deno.TcpConn, pattern: TextPattern): Promise<Found> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16 * 1024);
  let text = "";
  while (text.length < READ_CHARS) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (endOfLastMatch(text, pattern) >= 0) return { kind: "passed" };
  }
  const said = text === "" ? "nothing" : JSON.stringify(text.slice(0, SHOWN_CHARS));
  return missed(`it said ${said} in place of ${showTextPattern(pattern)}`);
}

function missed(why: string): Found {
  return { kind: "missed", why };
}
