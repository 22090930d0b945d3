declare const nothing: unique symbol;

/** No arguments at all. */
export interface NoArguments {
  /** Nothing has this member: it makes TypeScript refuse all others. */
  readonly [nothing]?: never;
}

/** The empty object: what a command without a result returns, and what has no members. */
export type Empty = Record<string, never>;

/**
 * The type of the parameter for a command's name: one of the map's names, which TypeScript completes and whose
 * misspelling it refuses, or a `string` that is only known at run time (or a pattern, such as `x-${string}`).
 *
 * With {@linkcode CallParameters} and {@linkcode CallResult} it makes one signature of what would be two overloads,
 * since of a call that fits no overload TypeScript says too much to be read.
 */
export type CommandName<Commands, Name extends string> = Name extends keyof Commands ? Name
  // Of an object with a literal name's member this isn't so; a pattern's members may all be missing.
  : Record<never, never> extends Record<Name, unknown> ? Name
  : keyof Commands;

/**
 * What follows a command's name in a call, as a rest parameter: its arguments, which may be left out where all of them
 * are optional or there are none, and then the options. For a plain `string` the arguments are any object.
 */
export type CallParameters<Commands, Name, Options> = Name extends keyof Commands
  ? Commands[Name] extends { arguments: infer Arguments }
    ? Record<never, never> extends Arguments ? [args?: Arguments | undefined, options?: Options | undefined]
    : [args: Arguments, options?: Options | undefined]
  : never
  : [args?: object | undefined, options?: Options | undefined];

/** What a command returns; `unknown` for a plain `string`. */
export type CallResult<Commands, Name> = Name extends keyof Commands
  ? Commands[Name] extends { returns: infer Returns } ? Returns : never
  : unknown;
