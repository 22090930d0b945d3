import { type ExecuteOptions, formatAddress, type MonitorAddress, QmpClient } from "../../qmp/mod.ts";
import type { Io } from "../io.ts";
import { EventPump } from "./event_pump.ts";
import { Executor } from "./executor.ts";
import { jsonFace, peopleFace } from "./faces.ts";
import { runInteractive } from "./interactive.ts";
import { Notes } from "./notes.ts";
import { COLORS, PLAIN } from "./palette.ts";
import { runScript } from "./script.ts";
import type { Transcript } from "./transcript.ts";

/** What a shell is asked for. */
export interface ShellOptions {
  /** The time that the connection and each command have. */
  readonly limit: ExecuteOptions;
  readonly transcript: Transcript;
  /** `pipe`: one JSON object a line, whatever the streams are; `streams`: as suits them. */
  readonly mode: "pipe" | "streams";
}

/**
 * The shell of a monitor, as suits those who are at its ends: a line editor where both are terminals, else lines in and replies out.
 *
 * @param address The monitor.
 * @param options Time limit, transcript, and whether a program is to be served.
 * @param io Standard streams.
 * @returns The exit code.
 * @throws As the connection does.
 */
export async function runShell(address: MonitorAddress, options: ShellOptions, io: Io): Promise<number> {
  const { limit, transcript, mode } = options;
  const notes = new Notes();
  await using client = await QmpClient.connect(address, { ...limit, logger: notes });
  const where = formatAddress(address);
  transcript.note(`connected to ${where}`);
  transcript.received({ QMP: client.greeting.raw });
  const forPeople = io.stdout.terminal && mode === "streams";
  // Made before the first command, so that what came with the greeting is not lost.
  using pump = new EventPump(client.events());
  const executor = new Executor(client, {
    limit,
    transcript,
    reader: forPeople ? "person" : "program",
    caughtUp: () => pump.caughtUp(),
  });
  const palette = forPeople && hasColors(io) ? COLORS : PLAIN;
  const face = forPeople ? peopleFace(palette) : jsonFace(mode === "pipe" ? "reply" : "raw");
  try {
    if (forPeople && io.stdin.terminal && io.environment?.("TERM") !== "dumb") {
      const banner = `QEMU ${versionOf(client)} at ${where}. TAB completes, help explains, exit leaves.`;
      return await runInteractive(client, { executor, pump, face, palette, transcript, notes, banner }, io);
    }
    notes.listen((text) => void io.stderr.write(`qeeper: ${text}\n`).catch(() => {}));
    const prompt = forPeople && io.stdin.terminal ? "(qmp) " : "";
    return await runScript(client, { executor, pump, face, transcript, prompt }, io);
  } finally {
    transcript.note(client.open ? "left" : "the connection is over");
  }
}

function versionOf({ greeting: { version: { qemu } } }: QmpClient): string {
  return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
}

/** https://no-color.org: any value but the empty one. */
function hasColors(io: Io): boolean {
  return (io.environment?.("NO_COLOR") ?? "") === "" && io.environment?.("TERM") !== "dumb";
}
