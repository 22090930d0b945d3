import type { SupervisorOptions } from "./supervisor.ts";

const CANNOT = "Cannot open a supervisor as";

/** Every option. */
const KEYS = Object.keys(
  {
    stateDir: 0,
    runtimeDir: 0,
    lifetime: 0,
    signals: 0,
    logger: 0,
    journal: 0,
    telemetry: 0,
    crash: 0,
  } satisfies Record<keyof SupervisorOptions, 0>,
);

/**
 * Checks a supervisor's options: what is passed over in silence is noticed only when it is needed.
 *
 * @param options The options.
 * @throws {RangeError} When a number is out of its range.
 * @throws {TypeError} When a word, a path or a key is none that is known.
 */
export function checkOptions(options: SupervisorOptions): void {
  const { stateDir, runtimeDir, lifetime, signals, telemetry, journal = {} } = options;
  checkKeys("its options have", options, KEYS);
  checkKeys("'journal' has", journal, ["maxBytes", "keep"]);
  checkPath("stateDir", stateDir);
  checkPath("runtimeDir", runtimeDir);
  checkWord("lifetime", lifetime, ["owned", "detached"]);
  checkWord("signals", signals, ["stop", "leave", "ignore"]);
  checkWord("telemetry", telemetry, ["on", "off"]);
  checkCount("journal.maxBytes", journal.maxBytes, 1);
  checkCount("journal.keep", journal.keep, 0);
}

function checkPath(name: string, value: unknown): void {
  if (value === undefined || (typeof value === "string" && value !== "" && !value.includes("\0"))) return;
  throw new TypeError(
    `${CANNOT} '${name}' must be the path of a directory: current value is ${JSON.stringify(value)}`,
  );
}

function checkWord(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || (typeof value === "string" && known.includes(value))) return;
  throw new TypeError(
    `${CANNOT} '${name}' must be one of ${known.join(", ")}: current value is ${JSON.stringify(value)}`,
  );
}

function checkCount(name: string, value: unknown, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= least)) return;
  throw new RangeError(
    `${CANNOT} '${name}' must be a whole number of at least ${least}: current value is ${value}`,
  );
}

function checkKeys(place: string, part: object, known: readonly string[]): void {
  for (const key of Object.keys(part)) {
    if (known.includes(key)) continue;
    throw new TypeError(`${CANNOT} ${place} no ${JSON.stringify(key)}; there are: ${known.join(", ")}`);
  }
}
