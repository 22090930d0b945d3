import { type ByteTransport, type Logger, silentLogger } from "../../qmp/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { RunInterruptedError } from "./errors.ts";
import { GUEST_PROGRAM } from "./guest_program.ts";
import { LinkEndedError, PortLink } from "./port_link.ts";
import { type PortDevice, PortTurn, question } from "./port_turn.ts";
import { shellQuote } from "./quote.ts";
import type { CommandChannel, CommandEnd, GuestCommand, RunChannel } from "./run_types.ts";

/** How a port is reached, and what it can bear. */
export interface PortPlace {
  /**
   * Connects to the port.
   *
   * @param signal Gives up.
   * @returns The connection.
   */
  connect(signal: AbortSignal): Promise<ByteTransport>;
  /** What the guest has at its other end. */
  readonly device: PortDevice;
  /** What becomes of the shell that reads it: it turns into the program, or waits until the program has ended. Default `"replaced"`. */
  readonly shell?: "replaced" | "kept";
}

/** How long the guest may be silent before it is asked again: at first, and at most. */
const FIRST_SILENCE_MS = 500;
const LAST_SILENCE_MS = 8_000;
const GOODBYE_MS = 1_000;
/** What may free a shell from what garbage has begun: a quote, or a line on a terminal. */
const WAKING: readonly string[] = ["", "", "\x03", "'", "", '"', "", "\x03"];

/** Commands over a port that a shell of the guest reads. */
export class PortChannel implements CommandChannel {
  get kind(): RunChannel {
    return this.#place.shell === "kept" ? "console" : "port";
  }
  readonly #place: PortPlace;
  readonly #logger: Logger;
  /** Random, so that what an earlier client began, or a template that this guest is a copy of, is not taken for this one's. */
  readonly #session = crypto.randomUUID().slice(0, 13);
  #link: PortLink | null = null;
  #count = 0;
  #state: "open" | "closed" = "open";

  /**
   * @param place Where the port is.
   * @param logger Told when a frame had to be asked for again.
   */
  constructor(place: PortPlace, logger: Logger = silentLogger) {
    this.#place = place;
    this.#logger = logger;
  }

  async ready(limit: AbortSignal): Promise<void> {
    await this.#open(limit);
  }

  async run(command: GuestCommand, limit: AbortSignal): Promise<CommandEnd> {
    for (;;) {
      const link = await this.#open(limit);
      const number = ++this.#count;
      const turn = new PortTurn({
        ...{ link, session: this.#session, number, device: this.#place.device, logger: this.#logger },
      });
      let outcome: CommandEnd | "not-begun" | null = null;
      try {
        outcome = await turn.run(command, limit);
        if (outcome !== "not-begun") return outcome;
      } catch (error) {
        if (!(error instanceof LinkEndedError) || !turn.begun) throw error;
        throw new RunInterruptedError(
          command.text,
          "the connection to its port ended, most likely with QEMU",
          {
            cause: error,
          },
        );
      } finally {
        // Whatever may still be on its way belongs to this command.
        if (
          outcome === null || outcome === "not-begun" ||
          (outcome.kind === "killed" && outcome.known === "unknown")
        ) {
          await this.#drop();
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    if (this.#place.shell === "kept" && this.#link !== null) {
      const end = `\nQ ${this.#session} X #${this.#session}\n`;
      // A guest that does not take it has no use for its shell either.
      await inTime(this.#link.write(end, new AbortController().signal), GOODBYE_MS).catch(() => {});
    }
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const link = this.#link;
    this.#link = null;
    await link?.[Symbol.asyncDispose]();
  }

  /** A link to the program in the guest, with this session's name. */
  async #open(limit: AbortSignal): Promise<PortLink> {
    if (this.#link !== null && !this.#link.ended) return this.#link;
    await this.#drop();
    for (let attempt = 0, ms = FIRST_SILENCE_MS;; attempt++, ms = Math.min(2 * ms, LAST_SILENCE_MS)) {
      // For a virtio port a new connection is an end of file, which ends whatever the shell was in the middle of.
      if (this.#link === null || this.#link.ended || (attempt > 1 && this.#place.device === "virtio")) {
        await this.#drop();
        this.#link = new PortLink(await this.#place.connect(limit));
      }
      const link = this.#link;
      try {
        const waking = this.#place.device === "serial" ? WAKING[attempt % WAKING.length] ?? "" : "";
        if (await this.#meet(link, waking, ms, limit)) return link;
      } catch (error) {
        if (error instanceof LinkEndedError && !limit.aborted && this.#state === "open") continue;
        await this.#drop();
        throw error;
      }
    }
  }

  /** Whether the program has answered. A plain shell is made to become it. */
  async #meet(link: PortLink, waking: string, silentMs: number, limit: AbortSignal): Promise<boolean> {
    link.reset();
    await link.write(`${waking}${question(this.#session, 0)}`, limit);
    let sent: "nothing" | "program" = "nothing";
    for (;;) {
      const frame = await link.next(silentMs, limit);
      if (frame === null) return false;
      if (frame.kind === "ready" && frame.session === this.#session) return true;
      if (frame.kind !== "shell" || frame.session !== this.#session || sent === "program") continue;
      sent = "program";
      const start = `sh -c ${shellQuote(GUEST_PROGRAM)} qeeper-run ${this.#session}\n`;
      await link.write(this.#place.shell === "kept" ? start : `exec ${start}`, limit);
    }
  }
}
