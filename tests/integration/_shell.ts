import { assertEquals } from "@std/assert";
import { Screen } from "../unit/cli/shell/_screen.ts";
import { type Running, start } from "./_cli.ts";
import { MonitorQemu } from "./_monitor_qemu.ts";

/** A QEMU that listens on its monitors `m0` and `m1`. */
export function listening(args: readonly string[] = []): Promise<MonitorQemu> {
  return MonitorQemu.start(["", ""], args);
}

/** Where a monitor of it is. */
export const path = (qemu: MonitorQemu, n = 0): string => qemu.address(n).path;

/** A script through `--pipe`. */
export async function pipe(
  qemu: MonitorQemu,
  lines: string,
  ...args: string[]
): Promise<{ code: number; replies: Reply[] }> {
  const { io, code } = start(["qmp", path(qemu), "--pipe", ...args]);
  io.type(lines);
  io.endInput();
  const exit = await code;
  assertEquals(io.err, "");
  return { code: exit, replies: io.out.split("\n").slice(0, -1).map((line) => JSON.parse(line)) };
}

/** A line of what it answers. */
export interface Reply {
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
  readonly id?: unknown;
}

/** A shell on a terminal in memory, without colours unless the environment is given. */
export function shell(
  qemu: MonitorQemu,
  { args = [], environment = { NO_COLOR: "1" }, columns = 100 }: {
    args?: readonly string[];
    environment?: Readonly<Record<string, string>>;
    columns?: number;
  } = {},
): Running {
  return start(["qmp", path(qemu), ...args], { stdin: true, stdout: true }, { columns, environment });
}

/** What stands on its terminal. */
export const screenOf = ({ io }: Running, columns = 100): readonly string[] =>
  new Screen(columns).write(io.out).lines;

/** Who may do what with a file. */
export const modeOf = async (file: string): Promise<number> => ((await Deno.stat(file)).mode ?? 0) & 0o777;

/** Waits until the shell has what TAB completes from: QEMU answers in order, so what is asked after it is answered after it. */
export async function untilSchema(running: Running): Promise<void> {
  await untilPrompt(running);
  running.io.type("query-name\r");
  await running.until(() => screenOf(running).at(-2) === "{}");
  await untilPrompt(running);
}

/** Waits until the last line of the screen is the prompt and this. */
export async function untilPrompt(running: Running, text = "", prompt = "(qmp) "): Promise<void> {
  await running.until(() => screenOf(running).at(-1) === `${prompt}${text}`.trimEnd());
}
