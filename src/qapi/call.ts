/** No arguments at all. */
export type NoArguments = Record<string, never>;

/** The empty object: what a command without a result returns, and what has no members. */
export type Empty = Record<string, never>;

/**
 * What follows a command's name in a call, as a rest parameter: the arguments, which may be left out where all of them
 * are optional and can't be given where there are none, and then the options.
 */
export type CallParameters<Arguments, Options> = Arguments extends NoArguments
  ? [args?: NoArguments, options?: Options]
  : Record<never, never> extends Arguments ? [args?: Arguments, options?: Options]
  : [args: Arguments, options?: Options];
