import type { ExitStatus } from "./verdict_types.ts";

/** An exit in words. */
export function describeExit(exit: ExitStatus | null): string {
  if (exit === null) return "its exit status is not known";
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}
