/** The part of `parseArgs`' options that this project uses. */
export interface ParseOptions {
  /** Options that take no value. */
  boolean?: readonly string[];
  /** Options whose value is kept as it was written. */
  string?: readonly string[];
  /** Options that may be given more than once. */
  collect?: readonly string[];
  /** Boolean options that `--no-NAME` turns off. */
  negatable?: readonly string[];
  /** Other names of an option. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Values of options that were not given. */
  default?: Readonly<Record<string, unknown>>;
  /** Stop at the first operand. */
  stopEarly?: boolean;
  /** Keep what follows `--` apart, under `"--"`. */
  "--"?: boolean;
  /** Called for each option that is not declared; `false` leaves it out of the result. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** What was parsed: operands in `_`, options under their names. */
export interface Args {
  _: (string | number)[];
  [name: string]: unknown;
}
/** Parses command line arguments. */
export function parseArgs(args: readonly string[], options?: ParseOptions): Args;
