import type { Input } from "./io.ts";

/**
 * Reads text line by line.
 *
 * @param input Where from.
 * @returns Its lines without their ends, also the last one if it has none.
 */
export async function* readLines(input: Input): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16 * 1024);
  let rest = "";
  for (;;) {
    const count = await input.read(buffer);
    rest += decoder.decode(buffer.subarray(0, count ?? 0), { stream: count !== null });
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
    if (count === null) break;
  }
  if (rest !== "") yield rest;
}
