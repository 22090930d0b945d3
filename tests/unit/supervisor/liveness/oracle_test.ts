import { assertEquals } from "@std/assert";
import {
  judgeLiveness,
  type Liveness,
  type Observation,
  type Ping,
  type ProcessState,
} from "../../../../src/supervisor/liveness/oracle.ts";

const PATIENCE = { inBandMs: 1_000, outOfBandMs: 500 };
const HEALTHY: Liveness = { kind: "healthy" };
const ANSWERED: Ping = { kind: "answered" };
const IMPOSSIBLE: Ping = { kind: "impossible" };
const waiting = (forMs: number): Ping => ({ kind: "waiting", forMs });

/** In short: the word, and what goes with it. */
function judge(
  inBand: Ping,
  outOfBand: Ping,
  process: ProcessState,
  before: Liveness = HEALTHY,
): string | null {
  const unansweredMs = inBand.kind === "waiting" ? inBand.forMs : inBand.kind === "answered" ? 0 : 7_000;
  const observation: Observation = { inBand, outOfBand, process, unansweredMs };
  const found = judgeLiveness(observation, PATIENCE, before);
  if (found === null) return null;
  switch (found.kind) {
    case "busy":
      return `busy ${found.forMs} ${found.proof}`;
    case "stopped":
      return `stopped ${found.forMs} ${found.by}`;
    default:
      return found.kind;
  }
}

const PROCESSES: readonly ProcessState[] = ["runs", "stopped", "frozen", "ended", "missing", "unknown"];
const OUT_OF_BAND: readonly Ping[] = [ANSWERED, waiting(499), waiting(500), IMPOSSIBLE];

/** A row for each pair of answers, a column for each state of the process. */
const TABLE: readonly [inBand: Ping, outOfBand: Ping, ...words: (string | null)[]][] = [
  ...OUT_OF_BAND.map((outOfBand): (typeof TABLE)[number] => [
    ANSWERED,
    outOfBand,
    "healthy",
    "stopped 0 signal",
    "stopped 0 freezer",
    "gone",
    "healthy",
    "healthy",
  ]),
  ...OUT_OF_BAND.map((outOfBand): (typeof TABLE)[number] => [
    waiting(999),
    outOfBand,
    null,
    "stopped 999 signal",
    "stopped 999 freezer",
    "gone",
    null,
    null,
  ]),
  ...([
    [ANSWERED, "busy 1000 answers-out-of-band"],
    [waiting(499), null],
    [waiting(500), "stopped 1000 unknown"],
    [IMPOSSIBLE, "busy 1000 presumed"],
  ] as const).map(([outOfBand, word]): (typeof TABLE)[number] => [
    waiting(1_000),
    outOfBand,
    word,
    "stopped 1000 signal",
    "stopped 1000 freezer",
    "gone",
    word,
    word,
  ]),
  ...OUT_OF_BAND.map((outOfBand): (typeof TABLE)[number] => [
    IMPOSSIBLE,
    outOfBand,
    null,
    "stopped 7000 signal",
    "stopped 7000 freezer",
    "gone",
    "gone",
    null,
  ]),
];

Deno.test("judgeLiveness() knows a word for every combination of answers and process", () => {
  assertEquals(TABLE.length, 4 * OUT_OF_BAND.length);
  for (const [inBand, outOfBand, ...words] of TABLE) {
    assertEquals(
      PROCESSES.map((process) => judge(inBand, outOfBand, process)),
      words,
      `in band ${JSON.stringify(inBand)}, out of band ${JSON.stringify(outOfBand)}`,
    );
  }
});

Deno.test("judgeLiveness() does not leave a process stopped that goes on, when it can't be asked any more", () => {
  const stopped: Liveness = { kind: "stopped", forMs: 1, by: "signal" };
  assertEquals(judge(IMPOSSIBLE, IMPOSSIBLE, "runs", stopped), "busy 7000 presumed");
  assertEquals(judge(IMPOSSIBLE, IMPOSSIBLE, "unknown", stopped), null);
});
