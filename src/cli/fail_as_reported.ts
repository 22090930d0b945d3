import type { Invocation } from "./command.ts";
import { describeFailure } from "./failure.ts";
import type { Io } from "./io.ts";
import { formatReport } from "./reports.ts";

/**
 * Runs a command whose reports may be lines of JSON: whoever reads those gets nothing else, its failure included.
 *
 * @param invocation What was asked for, with `--json` or without.
 * @param io Where the line goes.
 * @param run The command.
 * @returns Its exit code.
 */
export async function failAsReported(
  invocation: Invocation,
  io: Io,
  run: () => Promise<number>,
): Promise<number> {
  if (!invocation.flags.has("json")) return await run();
  try {
    return await run();
  } catch (error) {
    const { code, message } = describeFailure(error);
    await io.stderr.write(formatReport({ at: new Date(), vm: "", kind: "error", message }, "json", 0));
    return code;
  }
}
