import type { ExecuteOptions, QmpClient } from "../../qmp/mod.ts";
import { UsageError } from "../command.ts";
import { Executor } from "./executor.ts";
import { readArguments } from "./language/arguments.ts";
import { readJsonObject } from "./language/json_text.ts";
import { type Arguments, readLine } from "./language/line.ts";
import { LineFault } from "./language/line_fault.ts";
import type { Transcript } from "./transcript.ts";

/** One command, from the command line. */
export interface Once {
  readonly command: string;
  readonly args: Arguments;
  readonly oob: boolean;
}

/**
 * Reads a command from a command line: its name with a JSON object or `key=value` words, or a whole QMP message.
 *
 * @param first The name or the message.
 * @param rest What follows it.
 * @returns The command.
 * @throws {UsageError} When it is none, or more than one.
 */
export function readOnce(first: string, rest: readonly string[]): Once {
  try {
    if (!first.startsWith("{")) return { command: first, args: readRest(rest), oob: false };
    refuseSurplus(rest[0], "a QMP message is all that is sent");
    const line = readLine(first);
    if (line.kind !== "message") {
      throw new UsageError(`Expected a QMP message, found ${JSON.stringify(first)}`);
    }
    return { command: line.command, args: { kind: "json", value: line.args }, oob: line.oob };
  } catch (error) {
    throw error instanceof LineFault ? new UsageError(error.message, { cause: error }) : error;
  }
}

/**
 * Runs it.
 *
 * @param client A negotiated monitor.
 * @param once The command.
 * @param limit The time that it has.
 * @param transcript Told what is sent and received.
 * @returns What it returns.
 * @throws As `execute` of the client does.
 */
export async function runOnce(
  client: QmpClient,
  { command, args, oob }: Once,
  limit: ExecuteOptions,
  transcript: Transcript,
): Promise<unknown> {
  const executor = new Executor(client, {
    limit,
    transcript,
    reader: "program",
    caughtUp: () => Promise.resolve(),
  });
  return await executor.command(command, args, oob);
}

function readRest(rest: readonly string[]): Arguments {
  const [first, second] = rest;
  if (first === undefined) return { kind: "json", value: {} };
  if (/^[[{]/.test(first)) {
    refuseSurplus(second, "the arguments of a command are one JSON object, in quotes, or key=value words");
    return { kind: "json", value: readJsonObject(first, 0) };
  }
  const words = rest.map((text) => ({ text, at: 0 }));
  // Wrong words are found out before the connection is made; which types are meant is known after it.
  readArguments(words, null);
  return { kind: "words", words };
}

function refuseSurplus(surplus: string | undefined, why: string): void {
  if (surplus !== undefined) throw new UsageError(`Unexpected argument ${JSON.stringify(surplus)}: ${why}`);
}
