import { abortable } from "@std/async/abortable";
import { MAX_TIMER_MS } from "../qmp/alarm.ts";
import { type ByteTransport, dial, type MonitorAddress } from "../qmp/mod.ts";

const PROMPT = "(qemu) ";
const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * What a command on a readline monitor takes beside its text.
 *
 * @example
 * ```ts
 * import { HmpMonitor, type HmpOptions, QmpConnectError } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * const monitor = new HmpMonitor("hmp", { transport: "unix", path: "/nobody/listens" });
 * const options: HmpOptions = { timeoutMs: 500 };
 * await assertRejects(() => monitor.execute("info status", options), QmpConnectError);
 * ```
 */
export interface HmpOptions {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long the answer may take, in milliseconds. Default 5000. */
  timeoutMs?: number;
}

/**
 * A monitor for people (`mode=readline`). It serves one client at a time, so the connection is made for one command and given
 * up after it: between two commands a person can use the monitor. For scripts `Vm.hmp()` is better, which goes by way of
 * QMP's `human-monitor-command`.
 *
 * @example
 * ```ts
 * import { HmpMonitor, launch } from "@qeeper/qeeper";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const hmp = vm.monitors.get("hmp");
 * assert(hmp instanceof HmpMonitor);
 * assertEquals(await hmp.execute("info status"), "VM status: running\n");
 * ```
 */
export class HmpMonitor {
  /** Its id in the config. */
  readonly id: string;
  /** Where a person connects to it. */
  readonly address: MonitorAddress;

  /**
   * @param id Its id in the config.
   * @param address Where it is.
   */
  constructor(id: string, address: MonitorAddress) {
    this.id = id;
    this.address = address;
  }

  /**
   * Runs one command.
   *
   * @param command A line of HMP, such as `info status`.
   * @param options Time limit and signal.
   * @returns What the monitor printed, with `\n` as line end. Errors are printed too: HMP knows no other way.
   * @throws {TypeError} When the command has more than one line.
   * @throws {QmpConnectError} When nobody listens there.
   * @throws {Error} When somebody else has the monitor, or it does not answer in time.
   */
  async execute(command: string, options: HmpOptions = {}): Promise<string> {
    if (/[\r\n]/.test(command)) {
      throw new TypeError("Cannot run an HMP command of more than one line: send one at a time");
    }
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const until = performance.now() + timeoutMs;
    const transport = await dial(this.address, until, signal ? { signal } : {});
    const limit = new AbortController();
    const aborted = () => limit.abort(signal?.reason);
    const late = () => limit.abort(this.#lateError(command, timeoutMs));
    const leftMs = Math.max(0, until - performance.now());
    const timer = leftMs > MAX_TIMER_MS ? undefined : setTimeout(late, leftMs);
    signal?.addEventListener("abort", aborted, { once: true });
    const talking = converse(transport, command);
    try {
      // It may have been aborted while the connection was made.
      signal?.throwIfAborted();
      return await abortable(talking, limit.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      await transport.close();
      // A read or write that was given up ends with the connection.
      await talking.catch(() => {});
    }
  }

  #lateError(command: string, timeoutMs: number): Error {
    return new Error(
      `Cannot run "${command}" on the monitor "${this.id}": no answer within ${timeoutMs} ms; a readline monitor serves ` +
        "one client at a time, so another one may have it",
    );
  }
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
