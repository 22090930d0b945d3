import type { Verdict, VerdictCause } from "../../vm/mod.ts";
import { cleanTranscript } from "../console/clean_transcript.ts";
import { classifyConsole, FAILURE_CLASSIFIERS, type FailureName } from "../console/failures.ts";

/** What is known of a guest that failed. */
export interface GuestFailure {
  /** The VM's name. */
  readonly vm: string;
  /** Why it ended; null where it did not, as far as QEMU knows. */
  readonly verdict: Verdict | null;
  /** What its console told of; null where it told of no failure. */
  readonly classifier: FailureName | null;
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
const CONSOLE_LINES = 40;

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
  const said = shortened(failure.consoleText.split("\n"));
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
  const title = FAILURE_CLASSIFIERS.find(({ name }) => name === classifier)?.title ?? "The guest failed";
  return `${title.replace(/^The guest/, "guest")} (${classifier}, by its console)`;
}

function exitOf({ exit }: Verdict): string {
  if (exit === null) return "";
  return exit.signal === null ? ` (exit code ${exit.code})` : ` (${exit.signal})`;
}

/** How much before a panic can be about it, in characters. */
const OOPS_WITHIN_CHARS = 32 * 1024;
/** How much of a console without an oops is shown, in lines. */
const LAST_WORDS_LINES = 6;

/**
 * What a console has to say about the end of its guest: the kernel's oops, else its last words.
 *
 * @param transcript What the guest said, as it said it.
 * @returns Some lines, empty where it said nothing; and the failure that they tell of, null where they tell of none.
 */
export function lastWords(transcript: string): { text: string; classifier: FailureName | null } {
  const said = transcript.slice(-OOPS_WITHIN_CHARS);
  const failure = classifyConsole(said);
  if (failure !== null) return { text: failure.text, classifier: failure.name };
  return { text: lastLines(cleanTranscript(said), LAST_WORDS_LINES).join("\n"), classifier: null };
}

/** The middle of what is too long says least: the registers. */
function shortened(lines: readonly string[]): readonly string[] {
  if (lines.length <= CONSOLE_LINES) return lines;
  const half = CONSOLE_LINES / 2;
  const left = lines.length - CONSOLE_LINES;
  return [...lines.slice(0, half), `... ${left} lines ...`, ...lines.slice(-half)];
}

function lastLines(text: string, count: number): string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split("\n").slice(-count);
}
