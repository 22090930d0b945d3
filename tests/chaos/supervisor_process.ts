import { inTime } from "./bounded.ts";
import { type HeardReport, heardReport } from "./journal_audit.ts";
import { type Ask, encode, messagesOf, type Opening, type Said } from "./protocol.ts";

const SCRIPT = new URL("supervisor_child.ts", import.meta.url).pathname;

/** It died before it answered. */
export class SupervisorDied extends Error {
  override readonly name = "SupervisorDied";
}

/** How it came to be: it supervises, another one does, or it died on the way. */
export type Opened = { kind: "opened"; openMs: number } | { kind: "refused"; message: string } | {
  kind: "died";
};

/** How it ended. */
export interface Ending {
  signal: string | null;
  code: number;
}

/** A supervisor in a process of its own. */
export class SupervisorProcess {
  readonly pid: number;
  readonly opened: Promise<Opened>;
  /** Resolves when everything that it said has been read. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Its reports, in order. */
  readonly reports: HeardReport[] = [];
  /** What its logger was told. */
  readonly log: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #opening = Promise.withResolvers<Opened>();
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;

  /** @param opening What it is started with. */
  constructor(opening: Opening) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", SCRIPT, JSON.stringify(opening)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.pid = this.#child.pid;
    this.#writer = this.#child.stdin.getWriter();
    this.opened = this.#opening.promise;
    this.ended = this.#listen();
  }

  /**
   * Asks it to do something.
   *
   * @param ask What.
   * @returns Its answer.
   * @throws {SupervisorDied} When it dies before it has answered.
   * @throws {Error} When it says that it can't.
   */
  async ask<T = unknown>(ask: Ask): Promise<T> {
    const id = ++this.#asked;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    // A pipe that breaks is its death, which rejects the answer.
    this.#writer.write(encode({ ...ask, id })).catch(() => {});
    try {
      return await inTime(
        `the supervisor's answer to ${JSON.stringify(ask).slice(0, 100)}`,
        answer.promise,
      ) as T;
    } finally {
      this.#waiting.delete(id);
    }
  }

  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #listen(): Promise<Ending> {
    for await (const said of messagesOf<Said>(this.#child.stdout)) this.#hear(said);
    this.#opening.resolve({ kind: "died" });
    const { signal, code } = await this.#child.status;
    await this.#writer.close().catch(() => {});
    for (const { promise, reject } of this.#waiting.values()) {
      promise.catch(() => {});
      reject(new SupervisorDied("The supervisor died before it answered"));
    }
    return { signal, code };
  }

  #hear(said: Said): void {
    switch (said.kind) {
      case "opened":
      case "refused":
        return this.#opening.resolve(said);
      case "answer":
        return this.#waiting.get(said.id)?.resolve(said.value);
      case "no":
        return this.#waiting.get(said.id)?.reject(new Error(said.message));
      case "report":
        this.reports.push(heardReport(said.report));
        return;
      case "log":
        this.log.push(`${said.message}: ${said.about}`);
        return;
    }
  }
}
