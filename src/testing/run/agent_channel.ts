import { delay } from "@std/async/delay";
import type { Vm } from "../../vm/mod.ts";
import { RunInterruptedError } from "./errors.ts";
import type { CommandChannel, CommandEnd, GuestCommand, Outputs } from "./run_types.ts";

/** The guest agent of a VM. */
export type GuestAgent = NonNullable<Vm["agent"]>;

/** Between two questions whether the command has ended, at first and at most. */
const FIRST_POLL_MS = 3;
const LAST_POLL_MS = 100;
/** How long a command that was killed may take to be gone. */
const KILL_MS = 3_000;
const READ_BYTES = 64 * 1024;

/** Where in the guest a command's files may be: the first in which they can be made. */
const PLACES: readonly string[] = ["/dev/shm", "/run", "/tmp"];

/**
 * What the agent starts for a command. The outputs go into files and come out when the command's own shell has ended, so that
 * what it left behind in the background holds nobody up. SIGTERM kills the command's process group and
 * goes on to tell what it had written. The last line of stdout is `$?` and how the shell ended.
 */
const WRAPPER = `exec 7<&0 8>&2 2>/dev/null
k=
for d in ${PLACES.join(" ")}; do d=$d/.qeeper-$1; mkdir -m 700 $d && break; done
trap 'k=1; [ -n "$p" ] && { kill -9 -$p || kill -9 $p; }' TERM
if type setsid >/dev/null; then setsid sh -c "$2" <&7 7<&- 8>&- >$d/o 2>$d/e 9>$d/x &
else sh -c "$2" <&7 7<&- 8>&- >$d/o 2>$d/e 9>$d/x &
fi
p=$!
[ -n "$k" ] && { kill -9 -$p || kill -9 $p; }
wait $p
t=$?
[ -n "$k" ] && { wait $p; t=$?; }
h=-
[ -s $d/x ] && read -r h <$d/x
[ -s $d/o ] && cat $d/o
[ -s $d/e ] && cat $d/e >&8
[ -z "$3" ] && rm -rf $d
printf "\\n%s %s\\n" $t $h`;

/** The channel is let go of while a command runs. */
class LetGo extends Error {}

/** Commands through the guest agent. */
export class AgentChannel implements CommandChannel {
  readonly kind = "agent";
  readonly #agent: GuestAgent;
  readonly #session = crypto.randomUUID().slice(0, 13);
  #count = 0;
  /** Ends the waiting for the command that is under way. */
  #stop: AbortController | null = null;

  /** @param agent The VM's agent, which is not this one's to close. */
  constructor(agent: GuestAgent) {
    this.#agent = agent;
  }

  async ready(limit: AbortSignal): Promise<void> {
    await this.#agent.ready({ signal: limit, timeoutMs: Infinity });
  }

  async run(command: GuestCommand, limit: AbortSignal): Promise<CommandEnd> {
    limit.throwIfAborted();
    const stop = new AbortController();
    this.#stop = stop;
    const over = () => stop.abort(limit.reason);
    limit.addEventListener("abort", over, { once: true });
    try {
      return await this.#run(command, stop.signal);
    } catch (error) {
      if (error instanceof LetGo) throw new RunInterruptedError(command.text, "nobody waits for it any more");
      if (kindOf(error) !== "interrupted") throw error;
      throw new RunInterruptedError(
        command.text,
        "the connection to the guest agent ended, most likely with QEMU",
        {
          cause: error,
        },
      );
    } finally {
      this.#stop = null;
      limit.removeEventListener("abort", over);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop?.abort(new LetGo());
    return Promise.resolve();
  }

  async #run(command: GuestCommand, limit: AbortSignal): Promise<CommandEnd> {
    const name = `${this.#session}-${++this.#count}`;
    const live = command.onOutput === null ? null : new LiveFiles(this.#agent, name, command.onOutput);
    const limits = { signal: limit, timeoutMs: Infinity };
    const start = () =>
      this.#agent.execute("guest-exec", {
        path: "/bin/sh",
        arg: ["-c", WRAPPER, "qeeper-run", name, command.script, ...(live === null ? [] : ["live"])],
        "input-data": command.input.toBase64(),
        "capture-output": true,
      }, limits);
    const { pid } = await start().catch(async (error) => {
      // The guest was reset since the last command: nothing was sent, and the agent will come.
      if (kindOf(error) !== "absent") throw error;
      await this.ready(limit);
      return await start();
    });
    try {
      const end = await this.#follow(pid, live, limit);
      if (end === null) throw new RunInterruptedError(command.text, "the shell that watched it was killed");
      live?.tellRest(end);
      return end;
    } catch (error) {
      if (error instanceof RunInterruptedError || error instanceof LetGo || kindOf(error) === "interrupted") {
        throw error;
      }
      const killed = await this.#kill(pid);
      if (!limit.aborted) throw error;
      return killed;
    } finally {
      await live?.remove();
    }
  }

  /** Asks until it has ended. */
  async #follow(
    pid: number | bigint,
    live: LiveFiles | null,
    signal: AbortSignal,
  ): Promise<CommandEnd & { kind: "ended" } | null> {
    for (let ms = FIRST_POLL_MS;; ms = Math.min(1.5 * ms, LAST_POLL_MS)) {
      await delay(ms, { signal });
      await live?.read(signal);
      const status = await this.#agent.execute("guest-exec-status", { pid }, { signal, timeoutMs: Infinity });
      if (!status.exited) continue;
      if (status["out-truncated"] || status["err-truncated"]) {
        throw new RangeError(
          "Cannot take a command's output from the guest agent as it keeps 16 MiB at most: send the output to a file and use copyOut()",
        );
      }
      return readEnd(fromBase64(status["out-data"]), fromBase64(status["err-data"]));
    }
  }

  /** Has the command killed, and waits for what it had written. */
  async #kill(pid: number | bigint): Promise<CommandEnd & { kind: "killed" }> {
    const signal = AbortSignal.timeout(KILL_MS);
    const none = new Uint8Array();
    try {
      const limits = { signal, timeoutMs: Infinity };
      await this.#agent.execute("guest-exec", { path: "/bin/sh", arg: ["-c", `kill -TERM ${pid}`] }, limits);
      const end = await this.#follow(pid, null, signal);
      if (end !== null) return { kind: "killed", known: "dead", stdout: end.stdout, stderr: end.stderr };
    } catch {
      // The guest is paused or hangs, or QEMU has gone: that the time is over is all that is known.
    }
    return { kind: "killed", known: "unknown", stdout: none, stderr: none };
  }
}

/** The files into which a command writes, read while it does. */
class LiveFiles {
  readonly #agent: GuestAgent;
  readonly #name: string;
  readonly #tell: NonNullable<GuestCommand["onOutput"]>;
  readonly #told = { stdout: 0, stderr: 0 };
  readonly #handles = new Map<"stdout" | "stderr", number | bigint>();
  #dir: string | null = null;

  constructor(agent: GuestAgent, name: string, tell: NonNullable<GuestCommand["onOutput"]>) {
    this.#agent = agent;
    this.#name = name;
    this.#tell = tell;
  }

  /** Tells what is new. */
  async read(signal: AbortSignal): Promise<void> {
    const limits = { signal, timeoutMs: Infinity };
    if (this.#handles.size < 2) await this.#open(signal);
    for (const [stream, handle] of this.#handles) {
      for (let more = true; more;) {
        const read = await this.#agent.execute("guest-file-read", { handle, count: READ_BYTES }, limits);
        const bytes = fromBase64(read["buf-b64"]);
        if (bytes.length > 0) this.#told[stream] += bytes.length;
        if (bytes.length > 0) this.#tell(stream, bytes);
        more = bytes.length === READ_BYTES;
      }
    }
  }

  /** Tells what was written since. */
  tellRest(outputs: Outputs): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = outputs[stream].slice(this.#told[stream]);
      if (rest.length > 0) this.#tell(stream, rest);
    }
  }

  /** Closes the files and has them removed. */
  async remove(): Promise<void> {
    const limits = { signal: AbortSignal.timeout(KILL_MS), timeoutMs: Infinity };
    try {
      for (const handle of this.#handles.values()) {
        await this.#agent.execute("guest-file-close", { handle }, limits);
      }
      const paths = PLACES.map((place) => `${place}/.qeeper-${this.#name}`);
      await this.#agent.execute(
        "guest-exec",
        { path: "/bin/sh", arg: ["-c", `rm -rf ${paths.join(" ")}`] },
        limits,
      );
    } catch {
      // They stay; the command's result is worth more than they are.
    }
  }

  /** They come a little after the command's start, in one of three places. */
  async #open(signal: AbortSignal): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      for (const place of this.#dir === null ? PLACES : [this.#dir]) {
        if (this.#handles.has(stream)) continue;
        const path = `${place}/.qeeper-${this.#name}/${stream === "stdout" ? "o" : "e"}`;
        try {
          const handle = await this.#agent.execute("guest-file-open", { path }, {
            signal,
            timeoutMs: Infinity,
          });
          this.#handles.set(stream, handle);
          this.#dir = place;
        } catch (error) {
          if (kindOf(error) !== "command") throw error;
        }
      }
    }
  }
}

/** The outputs, and the line that the wrapper has put behind stdout; null when it is not there. */
function readEnd(
  stdout: Uint8Array<ArrayBuffer>,
  stderr: Uint8Array<ArrayBuffer>,
): CommandEnd & { kind: "ended" } | null {
  const at = stdout.lastIndexOf(10, stdout.length - 2);
  const line = at < 0 ? "" : new TextDecoder().decode(stdout.subarray(at));
  const [, status, how] = /^\n(\d+) ([xc-])\n$/.exec(line) ?? [];
  if (status === undefined) return null;
  return {
    kind: "ended",
    status: Number(status),
    how: how === "x" ? "exited" : how === "c" ? "no-directory" : null,
    stdout: stdout.slice(0, at),
    stderr,
  };
}

/** Which of the guest agent's errors it is. */
function kindOf(error: unknown): unknown {
  return error instanceof Error && "kind" in error ? error.kind : undefined;
}

function fromBase64(text: string | undefined): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text ?? "");
}
