import { UsageError } from "./command.ts";
import { EXIT } from "./exit_codes.ts";

/** What a failed command leaves: an exit code, and why. */
export interface Failure {
  readonly code: number;
  readonly message: string;
}

/**
 * What an error means to the person who ran the command.
 *
 * @param error Whatever was thrown.
 * @returns Code and message; the message may have several lines.
 */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message || error.name : String(error);
  // By its name: the config's whole schema would be loaded for its class.
  const wrong = error instanceof UsageError || (error instanceof Error && error.name === "ConfigError");
  return { code: wrong ? EXIT.usage : EXIT.failed, message };
}
