import type { Logger } from "../qmp/mod.ts";
import type { Io } from "./io.ts";
import { describeReport, formatReport, type RunReport } from "./reports.ts";
import { Repeats } from "./repeats.ts";

/** What is reported of a run, and how. */
export interface ReporterOptions {
  readonly io: Io;
  /** The guest's name. */
  readonly vm: string;
  readonly format: "text" | "json";
  /** The guest is started without its CPUs. */
  readonly paused: boolean;
  /** What comes before a line on a terminal: a line end where the guest's line has none. */
  readonly breakLine: () => string;
  /** Also what the library says for those who look for an error in it. */
  readonly debug: boolean;
}

/** Writes reports to stderr, one line each, in order, and never fails: a closed stderr is no reason to end a guest. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #startMs: number = performance.now();
  readonly #repeats = new Repeats();
  /** A life has been reported, and its first RESUME has not come yet. */
  #starts = false;
  #written: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Writes one report. Text that repeats quickly is thinned out; JSON is complete. */
  report(report: RunReport): void {
    if (this.#options.format === "json") return this.#write(report);
    if (this.#isExpected(report)) return;
    // What was held back of a life is said before its end.
    const lines = report.kind === "ended" ? this.#repeats.rest() : [];
    const line = this.#repeats.admit(describeReport(report), performance.now() - this.#startMs);
    if (line !== null) lines.push(line);
    const { at, vm } = report;
    for (const message of lines) this.#write({ at, vm, kind: "notice", message });
  }

  /** Says something to the person at the terminal. */
  notice(message: string): void {
    this.report({ at: new Date(), vm: this.#options.vm, kind: "notice", message });
  }

  /** Says why the run failed. */
  error(message: string): void {
    this.report({ at: new Date(), vm: this.#options.vm, kind: "error", message });
  }

  /** What the library logs. */
  get logger(): Logger {
    const say = (message: string, properties?: Record<string, unknown>) => {
      const { reason, error } = properties ?? {};
      const why = [reason, error].filter((part) => part !== undefined).map(String).join(", ");
      this.notice(why === "" ? message : `${message}: ${why}`);
    };
    const forDebugging = this.#options.debug ? say : () => {};
    return { debug: forDebugging, info: forDebugging, warn: say, error: say };
  }

  /** Resolves when everything is written. */
  flush(): Promise<void> {
    return this.#written;
  }

  /** The CPUs start with the guest: a line about that would only break into the guest's first one. */
  #isExpected(report: RunReport): boolean {
    if (report.kind === "started") this.#starts = !this.#options.paused;
    if (!this.#starts || report.kind !== "event" || report.event.event !== "RESUME") return false;
    this.#starts = false;
    return true;
  }

  #write(report: RunReport): void {
    const { io, format } = this.#options;
    const line = formatReport(report, format, performance.now() - this.#startMs);
    this.#written = this.#written.then(() => {
      const lead = io.stderr.terminal ? this.#options.breakLine() : "";
      return io.stderr.write(lead + line);
    }).catch(() => {});
  }
}
