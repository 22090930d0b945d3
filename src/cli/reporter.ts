import type { Logger } from "../qmp/mod.ts";
import type { Io } from "./io.ts";
import { describeReport, formatReport, type RunReport } from "./reports.ts";
import { Repeats } from "./repeats.ts";

/** What is reported of a run, and how. */
export interface ReporterOptions {
  readonly io: Io;
  /** The name of the guest, or of the group, that notices are about. */
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
  /** By the guest's name: two guests that say the same are two reports. */
  readonly #repeats = new Map<string, Repeats>();
  /** Whose life has been reported, and its first RESUME has not come yet. */
  readonly #starting = new Set<string>();
  #written: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Writes one report. Text that repeats quickly is thinned out; JSON is complete. */
  report(report: RunReport): void {
    if (this.#options.format === "json") return this.#write(report);
    if (this.#isExpected(report)) return;
    const { at, vm } = report;
    const repeats = this.#repeats.get(vm) ?? new Repeats();
    this.#repeats.set(vm, repeats);
    // What was held back of a life is said before its end.
    const lines = report.kind === "ended" ? repeats.rest() : [];
    const line = repeats.admit(describeReport(report), performance.now() - this.#startMs);
    if (line !== null) lines.push(line);
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
    if (report.kind === "started" && !this.#options.paused) this.#starting.add(report.vm);
    return report.kind === "event" && report.event.event === "RESUME" && this.#starting.delete(report.vm);
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
