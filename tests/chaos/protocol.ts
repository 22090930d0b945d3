import type { Phase, SupervisedVm } from "../../mod.ts";
import type { CrashPoint, JsonObject } from "../../src/supervisor/store/mod.ts";

/** What a supervisor in a process of its own is asked to do. */
export type Ask =
  | { do: "add"; spec: SupervisedVm }
  | { do: "start" | "stop" | "restart" | "clear" | "remove"; name: string }
  | { do: "look" }
  /** Writes bytes to the guest's console. */
  | { do: "say"; name: string; bytes: readonly number[] }
  /** Waits until the guest echoes what it is told. */
  | { do: "hail"; name: string }
  /** Shuts the connections to these sockets of a guest's run directory down, as the kernel would. */
  | { do: "drop"; name: string; sockets: readonly string[] }
  /** Sets the clock of this process. */
  | { do: "jump"; byMs: number }
  /** Dies when it comes by this point for the so many-th time from now on. */
  | { do: "crash"; point: CrashPoint; times: number }
  | { do: "close"; vms: "stop" | "leave" };

/** What it is started with, as JSON in its first argument. */
export interface Opening {
  stateDir: string;
  runtimeDir: string;
  crash: { point: CrashPoint; times: number } | null;
}

/** How one guest is. */
export interface GuestView {
  name: string;
  phase: Phase;
  restarts: number;
  pid: number | null;
  runDir: string | null;
}

/** How a supervisor is. */
export interface Look {
  guests: GuestView[];
  /** How many timers are set. */
  timers: number;
}

/** What it says, a line of JSON each. */
export type Said =
  /** It holds the state directory, and knows of every guest. */
  | { kind: "opened"; openMs: number }
  | { kind: "refused"; message: string }
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "no"; id: number; message: string }
  | { kind: "report"; report: JsonObject }
  /** What its logger was told, of warnings and errors. */
  | { kind: "log"; message: string; about: string };

/** A line of either side. */
export function encode(message: Said | (Ask & { id: number })): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(message)}\n`);
}

/** The messages in a stream of bytes. */
export async function* messagesOf<T>(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<T> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as T;
  }
}
