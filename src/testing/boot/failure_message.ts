import type { Verdict, VerdictCause } from "../../vm/mod.ts";

/** What is known of a guest that failed. */
export interface GuestFailure {
  /** The VM's name. */
  readonly vm: string;
  /** Why it ended; null where it did not, as far as QEMU knows. */
  readonly verdict: Verdict | null;
  /** What its console was taken for: `panic`, `oops`, `emergency shell`...; null where the console said nothing of the kind. */
  readonly classifier: string | null;
  /** What its console has to say about it. */
  readonly consoleText: string;
  /** What the test waited for instead; null where it waited for no end. */
  readonly expected: readonly VerdictCause[] | null;
}

/** The end of each kind, in the words that people look for. */
const HEADLINES: Readonly<Record<VerdictCause, string>> = {
  "guest-shutdown": "guest powered itself off",
  "guest-reset": "guest reset itself",
  "guest-panic": "guest panicked",
  "watchdog": "guest's watchdog fired",
  "io-error": "guest's disk failed",
  "internal-error": "QEMU met an error",
  "host-quit": "QEMU was told to quit on a monitor",
  "host-signal": "QEMU was told to end by a signal",
  "killed": "QEMU was killed",
  "crashed": "QEMU crashed",
  "launch-failed": "QEMU could not be started",
  "unresponsive": "QEMU does not answer",
  "lost": "QEMU is gone",
};

/** Ends that a test may well want, and then can say so. */
const MAYBE_WANTED: ReadonlySet<VerdictCause> = new Set([
  "guest-shutdown",
  "guest-reset",
  "host-quit",
  "host-signal",
  "killed",
]);

/** How much of QEMU's stderr a message shows, in lines. */
const STDERR_LINES = 5;
/** How much of the console a message shows, in lines. */
const CONSOLE_LINES = 30;

/**
 * Says what happened to a guest, for somebody who reads only this.
 *
 * @param failure What is known.
 * @returns Several lines, without one about evidence.
 */
export function failureMessage(failure: GuestFailure): string {
  const { vm, verdict, expected, classifier } = failure;
  const lines = [`VM "${vm}": ${headline(failure)}`];
  if (expected !== null) lines.push(`  expected: ${expected.join(" or ")}`);
  if (verdict !== null) lines.push(`  verdict: ${verdict.cause}: ${verdict.detail}${exitOf(verdict)}`);
  const stderr = lastLines(verdict?.stderrTail ?? "", STDERR_LINES);
  if (stderr.length > 0) lines.push("  QEMU's stderr:", ...stderr.map((line) => `    ${line}`));
  const said = failure.consoleText.split("\n").slice(0, CONSOLE_LINES);
  if (failure.consoleText !== "") lines.push("  console:", ...said.map((line) => `    ${line}`));
  if (verdict !== null && expected === null && classifier === null && MAYBE_WANTED.has(verdict.cause)) {
    lines.push(`  where the test wants that: await vm.expectEnd("${verdict.cause}", action)`);
  }
  return lines.join("\n");
}

function headline({ verdict, classifier }: GuestFailure): string {
  if (verdict !== null) {
    const fault = verdict.tripleFault === true ? " by a triple fault" : "";
    return HEADLINES[verdict.cause] + fault;
  }
  return classifier === "panic" ? "guest panicked, as its console says" : `guest failed: ${classifier}`;
}

function exitOf({ exit }: Verdict): string {
  if (exit === null) return "";
  return exit.signal === null ? ` (exit code ${exit.code})` : ` (${exit.signal})`;
}

/** Where the kernel begins to tell of its end. */
const OOPS =
  /Kernel panic - not syncing|\bBUG: |\bkernel BUG at |\bOops[: ]|general protection fault|Unable to handle kernel|invalid opcode:|double fault:/;
/** How much before a panic can be about it, in characters. */
const OOPS_WITHIN_CHARS = 16 * 1024;
/** How much of a console without an oops is shown, in lines. */
const LAST_WORDS_LINES = 6;

/**
 * What a console has to say about the end of its guest: the kernel's oops, else its last words.
 *
 * @param transcript What the guest said.
 * @returns Some lines; empty where it said nothing.
 */
export function lastWords(transcript: string): string {
  const text = transcript.slice(-OOPS_WITHIN_CHARS).replaceAll("\r", "");
  const found = OOPS.exec(text);
  if (found === null) return lastLines(text, LAST_WORDS_LINES).join("\n");
  const from = text.lastIndexOf("\n", found.index) + 1;
  return text.slice(from).trimEnd().split("\n").slice(0, CONSOLE_LINES).join("\n");
}

function lastLines(text: string, count: number): string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split("\n").slice(-count);
}
