import { dial, type MonitorAddress } from "../qmp/mod.ts";

const PROMPT = "(qemu) ";
const DEFAULT_TIMEOUT_MS = 5_000;

/** What a command on a readline monitor takes beside its text. */
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
 */
export class HmpMonitor {
  /** Its id in the config. */
  readonly id: string;
  /** Where a person connects to it. */
  readonly address: MonitorAddress;

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
   * @throws {Error} When somebody else has the monitor, or it does not answer in time.
   */
  async execute(command: string, options: HmpOptions = {}): Promise<string> {
    if (/[\r\n]/.test(command)) {
      throw new TypeError("Cannot run an HMP command of more than one line: send one at a time");
    }
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const transport = await dial(this.address, performance.now() + timeoutMs, signal ? { signal } : {});
    let gaveUp: unknown = null;
    const giveUp = (reason: unknown) => {
      gaveUp = reason;
      // The pending read then answers with the end of the stream, and the wait below ends.
      closing ??= transport.close();
    };
    let closing: Promise<void> | null = null;
    const timer = setTimeout(() =>
      giveUp(
        new Error(
          `Cannot run "${command}" on the monitor "${this.id}": no answer within ${timeoutMs} ms; a readline monitor serves ` +
            "one client at a time, so another one may have it",
        ),
      ), timeoutMs);
    const aborted = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(16 * 1024);
    const readToPrompt = async (): Promise<string> => {
      let text = "";
      while (!text.endsWith(PROMPT)) {
        const count = await transport.read(buffer);
        if (count === null) {
          if (gaveUp !== null) throw gaveUp;
          return text;
        }
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
      }
      return text.slice(0, -PROMPT.length);
    };
    try {
      await readToPrompt();
      await transport.write(new TextEncoder().encode(`${command}\n`));
      const reply = await readToPrompt();
      // The first line is the echo of what was typed, redrawn with escape sequences at each key.
      return reply.slice(reply.indexOf("\n") + 1).replaceAll("\r\n", "\n");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      closing ??= transport.close();
      await closing;
    }
  }
}
