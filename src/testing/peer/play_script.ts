import { delay } from "@std/async/delay";
import { QmpProtocolError } from "../../qmp/mod.ts";
import type { PeerCommand } from "./command.ts";
import { PeerEndedError, PeerScriptError } from "./errors.ts";
import type { PeerConnection } from "./peer_connection.ts";
import type { PeerAnswers, PeerAnswerStep, PeerScript, PeerStep } from "./script.ts";
import { encodeMessage, eventMessage, type PeerGreeting } from "./wire.ts";

/** A command that waits for its answer. */
interface Waiting {
  readonly label: string;
  readonly command: PeerCommand;
}

/** What the client did that the script doesn't have. */
class Mismatch extends Error {}

/**
 * Plays a script on a connection.
 *
 * @param connection Where.
 * @param script Its steps.
 * @param signal Stops in the middle.
 * @throws {PeerScriptError} When the client does something else, or leaves before the last step.
 */
export async function playScript(
  connection: PeerConnection,
  script: PeerScript,
  signal: AbortSignal | undefined,
): Promise<void> {
  const player = new Player(connection, signal);
  for (const [index, step] of script.entries()) {
    try {
      await player.perform(step);
    } catch (error) {
      // The end of the connection that the script, or whoever made it, has asked for.
      if (error instanceof PeerEndedError && error.by === "script") return;
      const found = error instanceof PeerEndedError
        ? "the client has left"
        : error instanceof Mismatch || error instanceof QmpProtocolError
        ? error.message
        : null;
      if (found === null) throw error;
      throw new PeerScriptError(index + 1, script.length, describe(step), found, { cause: error });
    }
  }
}

class Player {
  readonly #connection: PeerConnection;
  readonly #signal: AbortSignal | undefined;
  /** Commands that were read and not answered, oldest first. */
  readonly #waiting: Waiting[] = [];
  /** Whether the client may send commands out of band; nobody knows when the script has not negotiated. */
  #outOfBand: "unknown" | "enabled" | "disabled" = "unknown";

  constructor(connection: PeerConnection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
  }

  async perform(step: PeerStep): Promise<void> {
    switch (step.kind) {
      case "greet":
        return await this.#connection.greet(step.greeting);
      case "negotiate":
        return await this.#negotiate(step.greeting);
      case "await":
        return await this.#await(step.command, step.as);
      case "serve":
        return await this.#serve(step.answers);
      case "silence":
        return await this.#connection.ended(this.#waits());
      default:
        return await this.#answer(step, this.#waiting.at(-1), this.#signal);
    }
  }

  async #negotiate(greeting: PeerGreeting | undefined): Promise<void> {
    await this.#connection.greet(greeting);
    for (;;) {
      const command = await this.#connection.command(this.#waits());
      if (command.name === "qmp_capabilities") {
        const enabled = command.arguments?.enable;
        this.#outOfBand = Array.isArray(enabled) && enabled.includes("oob") ? "enabled" : "disabled";
        return await this.#connection.reply(command);
      }
      const desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
      await this.#connection.fail(command, "CommandNotFound", desc);
    }
  }

  async #await(name: string | undefined, label: string | undefined): Promise<void> {
    const command = await this.#connection.command(this.#waits());
    if (name !== undefined && command.name !== name) {
      throw new Mismatch(`the client sent "${command.name}"`);
    }
    this.#waiting.push({ label: label ?? command.name, command });
  }

  /** Answers until the connection ends. Commands in band wait for each other, those out of band for nobody. */
  async #serve(answers: PeerAnswers): Promise<void> {
    const ended = new AbortController();
    const underWay = new Set<Promise<void>>();
    let failure: unknown = null;
    const start = (before: Promise<void>, commands: readonly PeerCommand[]): Promise<void> => {
      const answering = before.then(async () => {
        for (const command of commands) await this.#serveOne(command, answers, ended.signal);
      }).catch(async (error) => {
        if (error instanceof PeerEndedError || ended.signal.aborted) return;
        failure ??= error;
        await this.#connection.end();
      }).finally(() => underWay.delete(answering));
      underWay.add(answering);
      return answering;
    };
    let inBand = Promise.resolve();
    try {
      for (;;) {
        const first = await this.#connection.command(this.#waits());
        const commands = [first, ...this.#connection.takeRead()];
        const out = commands.filter(({ band }) => band === "out");
        // QEMU takes them as it reads, before the main loop has a look at the others.
        if (out.length > 0) start(Promise.resolve(), out);
        const behind = inBand;
        const ordinary = commands.filter(({ band }) => band === "in");
        if (ordinary.length > 0) inBand = start(behind, ordinary);
      }
    } catch (error) {
      ended.abort();
      await Promise.all(underWay);
      if (failure !== null) throw failure;
      // That the client leaves is what this step waits for.
      if (!(error instanceof PeerEndedError && error.by === "client")) throw error;
    }
  }

  async #serveOne(command: PeerCommand, answers: PeerAnswers, signal: AbortSignal): Promise<void> {
    const refuse = (errorClass: string, desc: string) => this.#connection.fail(command, errorClass, desc);
    if (command.band === "out" && this.#outOfBand === "disabled") {
      return await refuse("GenericError", "QMP input member 'exec-oob' is unexpected");
    }
    const answer = Object.hasOwn(answers, command.name) ? answers[command.name] : answers["*"];
    if (answer === undefined) {
      return command.name === "qmp_capabilities"
        ? await refuse("CommandNotFound", "Capabilities negotiation is already complete, command ignored")
        : await refuse("CommandNotFound", `The command ${command.name} has not been found`);
    }
    const waiting: Waiting = { label: command.name, command };
    this.#waiting.push(waiting);
    for (const step of typeof answer === "function" ? answer(command) : answer) {
      await this.#answer(step, waiting, signal);
    }
  }

  async #answer(step: PeerAnswerStep, latest: Waiting | undefined, signal?: AbortSignal): Promise<void> {
    const connection = this.#connection;
    switch (step.kind) {
      case "reply":
        return await connection.reply(this.#take(step.to, latest), step.value ?? {});
      case "fail":
        return await connection.fail(this.#take(step.to, latest), step.class ?? "GenericError", step.desc);
      case "huge":
        return await connection.replyHuge(this.#take(step.to, latest), step.lineBytes);
      case "hold":
        return;
      case "event":
        return await connection.send(eventMessage(step.event, step.data));
      case "send":
        return await connection.send(step.message);
      case "delay":
        return await delay(step.ms, signal ? { signal } : {});
      case "end":
        return await connection.end();
    }
  }

  /** A command that waits, which is answered now. Of several with the same label it is the oldest. */
  #take(label: string | undefined, latest: Waiting | undefined): PeerCommand {
    const waiting = label === undefined ? latest : this.#waiting.find((each) => each.label === label);
    const index = waiting === undefined ? -1 : this.#waiting.indexOf(waiting);
    if (waiting === undefined || index === -1) {
      throw new Mismatch(label === undefined ? "no command waits" : `no command "${label}" waits`);
    }
    this.#waiting.splice(index, 1);
    return waiting.command;
  }

  #waits(): { signal?: AbortSignal } {
    return this.#signal ? { signal: this.#signal } : {};
  }
}

/** A step in a few words, for messages. */
function describe(step: PeerStep): string {
  switch (step.kind) {
    case "await":
      return step.command === undefined ? "await a command" : `await "${step.command}"`;
    case "event":
      return `event ${step.event}`;
    case "reply":
    case "fail":
    case "huge":
      return step.to === undefined ? step.kind : `${step.kind} to "${step.to}"`;
    case "send":
      return `send ${encodeMessage(step.message, "compact").length} bytes`;
    default:
      return step.kind;
  }
}
