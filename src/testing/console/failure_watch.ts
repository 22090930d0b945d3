import type { ClassifiedFailure, FailureClassifier } from "./failures.ts";

/** How many lines of the kernel's log, or of the console, are kept for what comes before a failure. */
const KEPT_LINES = 200;
/** How many lines of the console before a failure belong to it, if it is not the kernel's: they say why. */
const LINES_BEFORE = 10;
/** How much of a failure's text is kept, in lines and characters. */
const MAX_LINES = 400;
const MAX_LINE_CHARS = 1024;
/** A line of which this much has come and which does not begin like a failure is none. */
const MAX_BEGINNING_CHARS = 256;
/** The last line of a panic. */
const PANIC_END = /^---\[ end Kernel panic /;

/** A failure that has been said, while what belongs to it may still come. */
interface Gathering {
  classifier: FailureClassifier;
  line: string;
  /** Whether the line that says it is still being written. */
  writing: boolean;
  readonly lines: string[];
}

/** Looks for known failures in the pieces of what a guest says, and gathers all that belongs to one. */
export class FailureWatch {
  readonly #classifiers: readonly FailureClassifier[];
  /** Whether the kernel writes the time before its lines: then a line without one is not the kernel's. */
  #timed = false;
  readonly #kernelLines: string[] = [];
  readonly #textLines: string[] = [];
  /** The line that programs are writing. */
  #line = "";
  /** Whether that line has been told of, or is none that could be. */
  #lineDone = false;
  #gathering: Gathering | null = null;
  /** What was gathered until another failure began, the oldest first. */
  readonly #finished: ClassifiedFailure[] = [];

  /** @param classifiers The failures to look for. */
  constructor(classifiers: readonly FailureClassifier[]) {
    this.#classifiers = classifiers;
  }

  /** What has been said so far of the failure that is being gathered; null when there is none. */
  get gathered(): ClassifiedFailure | null {
    return this.#gathering && this.#classified(this.#gathering);
  }

  /** Takes the failure that began first, with what has been said of it, and is ready for another one. */
  take(): ClassifiedFailure | null {
    const finished = this.#finished.shift();
    if (finished !== undefined) return finished;
    const gathering = this.#gathering;
    this.#gathering = null;
    return gathering && this.#classified(gathering);
  }

  /**
   * Takes a line of the kernel's log.
   *
   * @param piece The line, and the same without its time.
   * @returns `"failure"` when a failure begins with it, `"last"` when it is the last one of what is gathered, null for any other.
   */
  kernelLine(piece: { readonly line: string; readonly message: string }): "failure" | "last" | null {
    this.#timed = true;
    const { line, message } = piece;
    const classifier = this.#classifiers.find((one) => one.source === "kernel" && one.line.test(message));
    const begins = this.#gather(classifier, message, "kernel", this.#kernelLines, line);
    remember(this.#kernelLines, line);
    if (begins) return "failure";
    return this.#gathering !== null && PANIC_END.test(message) ? "last" : null;
  }

  /**
   * Takes plain text that programs wrote, up to where a failure is said.
   *
   * @param text The text.
   * @returns How much of the text it took, which is all of it unless a failure begins: the rest has to be given again.
   */
  text(text: string): { readonly taken: number; readonly failure: boolean } {
    let at = 0;
    while (at < text.length) {
      const feed = text.indexOf("\n", at);
      const end = feed < 0 ? text.length : feed;
      const before = this.#line.length;
      const fresh = text.slice(at, end);
      if (before < MAX_LINE_CHARS) this.#line = (this.#line + fresh).slice(0, MAX_LINE_CHARS);
      const hit = this.#lineDone ? null : this.#find();
      if (hit !== null) {
        this.#lineDone = true;
        const line = this.#line;
        const begins = this.#gather(hit.classifier, line, "text", this.#textLines, null);
        if (begins) {
          const taken = Math.min(end, Math.max(at, at + hit.end - before));
          // What comes after it on this line is yet to be given.
          this.#line = line.slice(0, before + taken - at);
          return { taken, failure: true };
        }
      }
      if (this.#line.length > MAX_BEGINNING_CHARS) this.#lineDone = true;
      if (feed < 0) return { taken: text.length, failure: false };
      this.#lineEnded();
      at = feed + 1;
    }
    return { taken: text.length, failure: false };
  }

  /** Takes plain text, failures and all. */
  wholeText(text: string): void {
    for (let rest = text; rest !== "";) rest = rest.slice(this.text(rest).taken);
  }

  #lineEnded(): void {
    if (this.#gathering?.writing) {
      this.#gathering.line = this.#line;
      this.#gathering.writing = false;
    }
    if (this.#gathering !== null && this.#belongs(this.#gathering)) append(this.#gathering.lines, this.#line);
    remember(this.#textLines, this.#line);
    this.#line = "";
    this.#lineDone = false;
  }

  #classified(gathering: Gathering): ClassifiedFailure {
    const { classifier: { name }, lines } = gathering;
    const line = gathering.writing ? this.#line : gathering.line;
    // What is on the unfinished line belongs to it too.
    const all = this.#line !== "" && this.#belongs(gathering) ? [...lines, this.#line] : lines;
    return { name, line, text: all.join("\n") };
  }

  /** Whether lines that programs write belong to what is gathered: they do unless it is a kernel that writes its times. */
  #belongs({ classifier }: Gathering): boolean {
    return classifier.source === "console" || !this.#timed;
  }

  /** The failure that the current line is; a console's need not have its end yet, for it may be a prompt. */
  #find(): { classifier: FailureClassifier; end: number } | null {
    for (const classifier of this.#classifiers) {
      if (classifier.source === "kernel" && this.#timed) continue;
      const found = (classifier.source === "kernel" ? classifier.bare : classifier.line)?.exec(this.#line);
      if (found) return { classifier, end: found.index + found[0].length };
    }
    return null;
  }

  /** Begins to gather, or adds to what is gathered; returns whether a failure begins. */
  #gather(
    classifier: FailureClassifier | undefined,
    message: string,
    from: "kernel" | "text",
    before: readonly string[],
    line: string | null,
  ): boolean {
    const gathering = this.#gathering;
    if (gathering !== null && (classifier === undefined || isSame(gathering.classifier, classifier))) {
      if (line !== null && gathering.classifier.source === "kernel") append(gathering.lines, line);
      // An oops that ends in a panic is a panic.
      if (classifier?.name === "kernel-panic" && gathering.classifier.name !== "kernel-panic") {
        gathering.line = message;
        gathering.writing = line === null;
        gathering.classifier = classifier;
      }
      return false;
    }
    if (classifier === undefined) return false;
    const lines = from === "kernel" || classifier.source === "kernel"
      ? leadOf(classifier, before)
      : before.slice(-LINES_BEFORE);
    if (gathering !== null) this.#finished.push(this.#classified(gathering));
    this.#gathering = {
      classifier,
      line: message,
      writing: line === null,
      lines: [...lines, ...(line === null ? [] : [line])],
    };
    return true;
  }
}

/** Whether a failure is part of one that is being gathered: a bug is followed by an oops, and anything of the kernel's by a panic. */
function isSame(gathered: FailureClassifier, found: FailureClassifier): boolean {
  if (gathered.name === found.name) return true;
  if (gathered.source !== "kernel") return false;
  return found.name === "kernel-panic" || (gathered.name === "bug" && found.name === "oops");
}

/** The lines before a failure that belong to it. */
function leadOf({ lead }: FailureClassifier, before: readonly string[]): readonly string[] {
  if (lead === undefined) return [];
  const from = before.findLastIndex((line, at) =>
    at >= before.length - lead.within &&
    lead.line.test(line.replace(/^(?:<\d+>)?\[[^\]]*\](?:\[[^\]]*\])? /, ""))
  );
  return from < 0 ? [] : before.slice(from);
}

function remember(lines: string[], line: string): void {
  lines.push(line.slice(0, MAX_LINE_CHARS));
  // Not one at a time: a flood of lines would move all of them at each one.
  if (lines.length > 2 * KEPT_LINES) lines.splice(0, lines.length - KEPT_LINES);
}

function append(lines: string[], line: string): void {
  if (lines.length < MAX_LINES) lines.push(line.slice(0, MAX_LINE_CHARS));
}
