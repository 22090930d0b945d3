import { parseArgs } from "@std/cli/parse-args";
import { nearestKey } from "../machine/nearest_key.ts";
import type { Io } from "./io.ts";

/** An option of a command: a flag, or one that takes a value. */
export interface OptionSpec {
  /** Its long name, without the dashes. */
  readonly name: string;
  /** A letter that stands for it. */
  readonly letter?: string;
  /** What its value is called in the help; a flag has none. */
  readonly value?: string;
  /** The words that its value may be. Default: any. */
  readonly choices?: readonly string[];
  /** What it does, for the help. */
  readonly description: string;
}

/** One subcommand. Its tables drive the parsing, the errors and the help. */
export interface Command {
  /** What follows the command's name, one line for each form. */
  readonly usage: readonly string[];
  /** What it does, in a paragraph or two. */
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** How many operands it takes. */
  readonly operands: { readonly min: number; readonly max: number };
  /** What is done with the arguments after `--`; without this there may be none. */
  readonly rest?: string;
  readonly examples: readonly (readonly [commandLine: string, what: string])[];
  /** Tables that the help ends with: a title and rows. */
  readonly tables?: readonly { readonly title: string; readonly rows: readonly (readonly string[])[] }[];
  /**
   * Does it.
   *
   * @returns The exit code.
   */
  run(invocation: Invocation, io: Io): Promise<number>;
}

/** What was asked for, checked against the command's tables. */
export interface Invocation {
  readonly operands: readonly string[];
  /** What came after `--`. */
  readonly rest: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** A command that can't be begun: its command line or its config is wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What is wrong; for the command line there is help. */
  readonly about: "command line" | "config";

  /**
   * @param message What was found and what was expected.
   * @param options What is wrong (default `command line`), and the cause.
   */
  constructor(message: string, options: ErrorOptions & { about?: "command line" | "config" } = {}) {
    super(message, options);
    this.about = options.about ?? "command line";
  }
}

/** The longest that a timer can wait (24 days): with more it goes off at once. */
const MAX_SECONDS = 2_147_483;

/** The options that every command has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "help", letter: "h", description: "say what the command does and takes" },
  { name: "debug", description: "show where errors come from, and what the library logs" },
];

/**
 * Checks a command's arguments against its tables.
 *
 * @param command The command.
 * @param args What follows its name.
 * @returns The arguments, sorted.
 * @throws {UsageError} When an option is unknown (with the nearest that there is), or its value is missing or wrong.
 */
export function parseInvocation(
  command: Pick<Command, "options" | "rest">,
  args: readonly string[],
): Invocation {
  const options = [...command.options, ...COMMON_OPTIONS];
  const flags = options.filter((option) => option.value === undefined);
  const valued = options.filter((option) => option.value !== undefined);
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  refuseValuesOfFlags(own, flags);
  const parsed = parseArgs(own, {
    boolean: flags.map(({ name }) => name),
    string: ["_", ...valued.map(({ name }) => name)],
    alias: Object.fromEntries(options.flatMap(({ name, letter }) => letter ? [[name, letter]] : [])),
    unknown: (arg, key) => {
      // Operands come here as well, without a key.
      if (key === undefined) return true;
      throw unknownOption(arg, key, options);
    },
  });
  if (end >= 0 && command.rest === undefined) throw new UsageError("Nothing may follow -- here");
  return {
    operands: parsed._.map(String),
    rest: end < 0 ? [] : args.slice(end + 1),
    flags: new Set(flags.map(({ name }) => name).filter((name) => parsed[name] === true)),
    values: new Map(
      valued.filter(({ name }) => parsed[name] !== undefined).map((option) => [
        option.name,
        checkedValue(option, String(parsed[option.name])),
      ]),
    ),
  };
}

/**
 * Checks how many operands there are.
 *
 * @param command The command's table.
 * @param invocation What was asked for.
 * @throws {UsageError} When there are too few or too many.
 */
export function checkOperands(command: Pick<Command, "operands" | "usage">, { operands }: Invocation): void {
  const { min, max } = command.operands;
  if (operands.length < min) throw new UsageError(`Too few arguments: expected ${command.usage[0]}`);
  const surplus = operands[max];
  if (surplus !== undefined) throw new UsageError(`Unexpected argument ${JSON.stringify(surplus)}`);
}

/**
 * Reads an option's number of seconds.
 *
 * @param invocation What was asked for.
 * @param name The option.
 * @returns The number, 0 or more; undefined when the option was not given.
 * @throws {UsageError} When it is none.
 */
export function numberOption({ values }: Invocation, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(number <= MAX_SECONDS)) {
    throw new UsageError(
      `--${name}: expected a number of seconds, at most ${MAX_SECONDS}, found ${JSON.stringify(text)}`,
    );
  }
  return number;
}

/**
 * The nearest word, as the end of an error.
 *
 * @param word What was typed.
 * @param known What there is.
 * @returns `, did you mean "x"?`, or nothing.
 */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearestKey(word, known);
  return near === undefined ? "" : `, did you mean ${near}?`;
}

/** To the parser `--json=no` and `--json=anything` mean true: better not. */
function refuseValuesOfFlags(args: readonly string[], flags: readonly OptionSpec[]): void {
  for (const arg of args) {
    const name = /^--([^=]+)=/s.exec(arg)?.[1];
    if (flags.some((flag) => flag.name === name)) throw new UsageError(`--${name} takes no value`);
  }
}

function checkedValue({ name, value, choices }: OptionSpec, given: string): string {
  if (given === "") throw new UsageError(`--${name} needs a value: --${name} ${value}`);
  if (choices && !choices.includes(given)) {
    throw new UsageError(
      `--${name}: expected one of ${choices.join(", ")}, found ${JSON.stringify(given)}${
        didYouMean(given, choices)
      }`,
    );
  }
  return given;
}

function unknownOption(arg: string, key: string, options: readonly OptionSpec[]): UsageError {
  const shown = arg.startsWith("--") ? `--${key}` : arg;
  const near = nearestKey(key, options.map(({ name }) => name));
  return new UsageError(`Unknown option ${shown}${near === undefined ? "" : `, did you mean --${near}?`}`);
}
