import type { VmConfig } from "../../machine/mod.ts";
import { MAX_TIMER_MS } from "../../qmp/alarm.ts";
import type { Probe, ProbeTiming, WholeProbe } from "./probe.ts";
import { toRegExp } from "./text_pattern.ts";

const DEFAULT_TIMING: Required<Omit<ProbeTiming, "for">> = {
  everyMs: 10_000,
  timeoutMs: 1_000,
  failures: 3,
  graceMs: 60_000,
};

const TIMING_KEYS: readonly string[] = ["kind", "for", ...Object.keys(DEFAULT_TIMING)];

/** What each kind has beside its times. */
const KEYS: Readonly<Record<Probe["kind"], readonly string[]>> = {
  agent: [],
  console: ["pattern"],
  tcp: ["host", "port", "send", "expect"],
};

/**
 * Checks the probes of a spec, and fills in what they leave out.
 *
 * @param probes The probes.
 * @param config The guest's config, which has to have what they need.
 * @returns The probes, with nothing left to say about their times.
 * @throws {RangeError} When a number is out of its range; it names the number.
 * @throws {TypeError} When something else is wrong; it names the place.
 */
export function checkProbes(
  probes: readonly Probe[],
  config: Pick<VmConfig, "agent" | "console" | "networks">,
): readonly WholeProbe[] {
  if (!Array.isArray(probes)) throw wrong("probes", "a list of probes", probes);
  return probes.map((probe: unknown, index) => checkProbe(`probes[${index}]`, probe, config));
}

function checkProbe(place: string, probe: unknown, config: Parameters<typeof checkProbes>[1]): WholeProbe {
  if (typeof probe !== "object" || probe === null) throw wrong(place, "an object", probe);
  const kind = checkWord(`${place}.kind`, "kind" in probe ? probe.kind : undefined, KINDS);
  checkKeys(place, probe, [...TIMING_KEYS, ...KEYS[kind]]);
  // What is in it is checked from here on.
  const given = probe as Probe;
  checkWord(`${place}.for`, given.for, ["readiness", "liveness"]);
  const whole: WholeProbe = { ...DEFAULT_TIMING, ...structuredClone(given) };
  checkRange(`${place}.everyMs`, whole.everyMs, 100, MAX_TIMER_MS);
  checkRange(`${place}.timeoutMs`, whole.timeoutMs, 1, MAX_TIMER_MS);
  checkWhole(`${place}.failures`, whole.failures, 1, Number.MAX_SAFE_INTEGER);
  checkRange(`${place}.graceMs`, whole.graceMs, 0, Number.MAX_SAFE_INTEGER);
  switch (whole.kind) {
    case "agent":
      if (config.agent !== true) {
        throw new TypeError(`${CANNOT} as '${place}' needs the config to have agent: true`);
      }
      break;
    case "console":
      if (config.console === false || config.console === "none") {
        throw new TypeError(`${CANNOT} as '${place}' needs a console and the config has none`);
      }
      checkPattern(`${place}.pattern`, whole.pattern);
      break;
    case "tcp":
      checkText(`${place}.host`, whole.host);
      checkPort(`${place}.port`, whole, config);
      checkText(`${place}.send`, whole.send);
      if (whole.expect !== undefined) checkPattern(`${place}.expect`, whole.expect);
      break;
  }
  return whole;
}

const CANNOT = "Cannot supervise";
const KINDS: readonly Probe["kind"][] = ["agent", "console", "tcp"];

function checkPort(
  place: string,
  { port, host }: Extract<Probe, { kind: "tcp" }>,
  config: Pick<VmConfig, "networks">,
): void {
  if (typeof port === "number") return checkWhole(place, port, 1, 65_535);
  if (typeof port !== "object" || port === null) throw wrong(place, "a port, or { guest: port }", port);
  checkKeys(place, port, ["guest"]);
  checkWhole(`${place}.guest`, port.guest, 1, 65_535);
  const leads = config.networks?.some((network) =>
    network.type === "user" &&
    network.forward?.some(({ guest, protocol = "tcp" }) => guest === port.guest && protocol === "tcp")
  );
  if (leads !== true) {
    throw new TypeError(
      `${CANNOT} as '${place}' needs a network of type "user" in the config with forward: [{ guest: ${port.guest} }]`,
    );
  }
  if (host !== undefined) {
    throw new TypeError(
      `${CANNOT} as '${place}' is a port of the guest, so that there can be no host beside it`,
    );
  }
}

function checkPattern(place: string, pattern: unknown): void {
  if (typeof pattern === "string" && pattern !== "") return;
  if (typeof pattern !== "object" || pattern === null || !("regexp" in pattern)) {
    throw wrong(place, 'a text, or { regexp: "..." }', pattern);
  }
  checkKeys(place, pattern, ["regexp", "flags"]);
  const { regexp, flags } = pattern as { regexp: unknown; flags?: unknown };
  if (typeof regexp !== "string" || regexp === "") {
    throw wrong(`${place}.regexp`, "a regular expression", regexp);
  }
  // With `g` or `y` an expression goes on where it was before.
  if (flags !== undefined && (typeof flags !== "string" || /[^imsuv]/.test(flags))) {
    throw wrong(`${place}.flags`, "some of the flags imsuv", flags);
  }
  try {
    toRegExp(flags === undefined ? { regexp } : { regexp, flags });
  } catch (error) {
    throw new TypeError(`${CANNOT} as '${place}' is no regular expression: ${(error as Error).message}`);
  }
}

function checkText(place: string, text: unknown): void {
  if (text !== undefined && (typeof text !== "string" || text === "")) throw wrong(place, "a text", text);
}

function checkWord<W extends string>(place: string, word: unknown, known: readonly W[]): W {
  const found = known.find((one) => one === word);
  if (found === undefined) throw wrong(place, `one of ${known.join(", ")}`, word);
  return found;
}

function checkRange(place: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new RangeError(
    `${CANNOT} as '${place}' must be a number from ${least} to ${most}: current value is ${value}`,
  );
}

function checkWhole(place: string, value: unknown, least: number, most: number): void {
  checkRange(place, value, least, most);
  if (Number.isInteger(value)) return;
  throw new RangeError(`${CANNOT} as '${place}' must be a whole number: current value is ${value}`);
}

function checkKeys(place: string, part: object, known: readonly string[]): void {
  for (const key of Object.keys(part)) {
    if (known.includes(key)) continue;
    throw new TypeError(`${CANNOT} as '${place}' has no ${JSON.stringify(key)}; it has: ${known.join(", ")}`);
  }
}

function wrong(place: string, expected: string, found: unknown): TypeError {
  return new TypeError(
    `${CANNOT} as '${place}' must be ${expected}: current value is ${JSON.stringify(found)}`,
  );
}
