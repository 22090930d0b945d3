import { abortable } from "@std/async/abortable";
import { Limit } from "../qmp/limit.ts";
import { type ByteTransport, dial } from "../qmp/mod.ts";
import type { HmpMonitor, HmpOptions } from "./hmp_monitor.ts";

const PROMPT = "(qemu) ";
const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Connects to a readline monitor, runs one command, and makes room for the next client.
 *
 * @param monitor The monitor.
 * @param command A line of HMP.
 * @param options Time limit and signal.
 * @returns What the monitor printed.
 * @throws As `HmpMonitor.execute` does.
 */
export async function askHmp(
  monitor: HmpMonitor,
  command: string,
  options: HmpOptions,
): Promise<string> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const until = performance.now() + timeoutMs;
  const transport = await dial(monitor.address, until, signal ? { signal } : {});
  // It may have been aborted while the connection was made.
  using limit = new Limit(until - performance.now(), () => lateError(monitor, command, timeoutMs), signal);
  const talking = converse(transport, command);
  try {
    return await abortable(talking, limit.signal);
  } finally {
    await transport.close();
    // A read or write that was given up ends with the connection.
    await talking.catch(() => {});
  }
}

function lateError(monitor: HmpMonitor, command: string, timeoutMs: number): Error {
  return new Error(
    `Cannot run "${command}" on the monitor "${monitor.id}": no answer within ${timeoutMs} ms; a readline monitor serves ` +
      "one client at a time, so another one may have it",
  );
}

async function converse(transport: ByteTransport, command: string): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16 * 1024);
  /** Reads up to the prompt, or to the end: `quit` has no prompt after it. */
  const readToPrompt = async (): Promise<string> => {
    let text = "";
    while (!text.endsWith(PROMPT)) {
      const count = await transport.read(buffer);
      if (count === null) return text;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return text.slice(0, -PROMPT.length);
  };
  await readToPrompt();
  await transport.write(new TextEncoder().encode(`${command}\n`));
  const reply = await readToPrompt();
  // The first line is the echo of what was typed, redrawn with escape sequences at each key.
  return reply.slice(reply.indexOf("\n") + 1).replaceAll("\r\n", "\n");
}
