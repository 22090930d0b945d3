import type { Verdict, VerdictCause } from "../vm/mod.ts";

/** The exit codes that are this command's own; a guest's isa-debug-exit adds those of its choice. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  restartLimit: 123,
  timeout: 124,
  launchFailed: 125,
  guestFailed: 126,
  qemuFailed: 127,
} as const;

/** What each exit code of `qeeper run` means. The help prints this table; there is no other. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  [`${EXIT.ok}`, "the guest powered itself off, or was stopped as asked while it ran"],
  ["odd", "the guest's own: it wrote V to its isa-debug-exit device, and QEMU exits with 2 * V + 1"],
  [`${EXIT.failed}`, "something else went wrong; the last line says what"],
  [`${EXIT.usage}`, "the command line or the config is wrong; nothing was started"],
  [`${EXIT.restartLimit}`, "given up: the guest was restarted as often as --limit allows"],
  [`${EXIT.timeout}`, "the time of --timeout was over"],
  [`${EXIT.launchFailed}`, "QEMU could not be started, or ended before it was ready"],
  [`${EXIT.guestFailed}`, "the guest failed: a panic, a watchdog, a disk error, a triple fault"],
  [`${EXIT.qemuFailed}`, "QEMU failed: it crashed, was killed (also by a second Ctrl-C), or is lost"],
];

/** What each exit code of `qeeper up` means. */
export const GROUP_EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  [`${EXIT.ok}`, "every guest powered itself off, or was stopped as asked"],
  [`${EXIT.failed}`, "something else went wrong; the last line says what"],
  [`${EXIT.usage}`, "the command line or the group is wrong; nothing was started"],
  [`${EXIT.restartLimit}`, "a guest was given up, as when it was restarted as often as its limit allows"],
  [`${EXIT.launchFailed}`, "a QEMU could not be started, or ended before it was ready"],
  [`${EXIT.guestFailed}`, "a guest failed and was left: a panic, a watchdog, a disk error, a triple fault"],
  [`${EXIT.qemuFailed}`, "a QEMU failed: it crashed, was killed (also by a second Ctrl-C), or is lost"],
  ["odd", "a guest's own, from its isa-debug-exit device; of several codes the first guest's that is not 0"],
];

const CODES: Readonly<Record<VerdictCause, number>> = {
  "guest-shutdown": EXIT.ok,
  "guest-reset": EXIT.ok,
  "host-quit": EXIT.ok,
  "host-signal": EXIT.ok,
  "guest-panic": EXIT.guestFailed,
  "watchdog": EXIT.guestFailed,
  "io-error": EXIT.guestFailed,
  "launch-failed": EXIT.launchFailed,
  "internal-error": EXIT.qemuFailed,
  "killed": EXIT.qemuFailed,
  "crashed": EXIT.qemuFailed,
  "unresponsive": EXIT.qemuFailed,
  "lost": EXIT.qemuFailed,
};

/**
 * The exit code for the way in which a guest ended.
 *
 * @param verdict Why it ended.
 * @returns A code of the table, or the guest's own.
 */
export function exitCodeOf(verdict: Pick<Verdict, "cause" | "exit" | "tripleFault">): number {
  const { cause, exit, tripleFault } = verdict;
  // Only a guest that ends QEMU itself, through isa-debug-exit, shuts down with a code other than 0.
  if (cause === "guest-shutdown" && exit !== null && exit.signal === null) return exit.code;
  if (tripleFault === true) return EXIT.guestFailed;
  return CODES[cause];
}

/**
 * The exit code for the way in which a supervised guest ended last.
 *
 * @param verdict Why it ended; null when it never did.
 * @returns A code of the table, or the guest's own.
 */
export function exitCodeAtLast(
  verdict: Pick<Verdict, "cause" | "exit" | "tripleFault" | "intent"> | null,
): number {
  // A start that was given up because a person asked for it has not failed.
  if (verdict === null || (verdict.cause === "launch-failed" && verdict.intent !== "none")) return EXIT.ok;
  return exitCodeOf(verdict);
}
