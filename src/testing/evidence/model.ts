/** One thing that happened, with its time. */
export interface TimelineEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: "event" | "end" | "typed" | "command" | "note" | "picture" | "failure";
  /** In a few words. */
  readonly title: string;
  /** The rest; empty where the title says it all. */
  readonly detail: string;
}

/** A command that was run in the guest. */
export interface CommandEntry {
  readonly at: number;
  readonly command: string;
  /** How long it took in milliseconds; null while it runs. */
  readonly tookMs: number | null;
  readonly outcome:
    | { readonly kind: "exited"; readonly code: number }
    | { readonly kind: "failed"; readonly reason: string }
    | { readonly kind: "running" };
  readonly stdout: string;
  readonly stderr: string;
}

/** A line of the console, or what was typed into it. */
export interface ConsoleLine {
  readonly at: number;
  readonly kind: "said" | "typed" | "gap";
  readonly text: string;
}

/** A picture of the screen, or one that a screen was compared with. */
export interface PictureEntry {
  /** Its file in the folder. */
  readonly file: string;
  readonly caption: string;
  /** Where the page has it from: the file, or a `data:` URL. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** A file of the folder. */
export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
  readonly about: string;
}

/** Everything that the page shows. Secrets are out of it already. */
export interface EvidenceModel {
  readonly test: string;
  readonly vm: string;
  /** When the record began, which is what times are counted from. */
  readonly startedAt: number;
  readonly collectedAt: number;
  /** What the test failed with; null where nothing was said. */
  readonly failure: { readonly name: string; readonly message: string; readonly stack: string } | null;
  /** How the guest was: what a verdict says, or that it was still running. */
  readonly state: {
    readonly tone: "bad" | "fine" | "unknown";
    readonly word: string;
    readonly detail: string;
  };
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly timeline: readonly TimelineEntry[];
  readonly timelineDropped: number;
  readonly console: readonly ConsoleLine[] | null;
  readonly commands: readonly CommandEntry[];
  readonly pictures: readonly PictureEntry[];
  /** The text on a screen in text mode; null where there is none. */
  readonly screenText: string | null;
  readonly registers: string | null;
  readonly machine: string | null;
  readonly stderr: string;
  readonly commandLine: string | null;
  readonly files: readonly FileEntry[];
  /** What could not be had, and why. */
  readonly missing: readonly { readonly what: string; readonly why: string }[];
}
