import type { ConsoleMatch } from "../../vm/mod.ts";
import type { Found, PatternFinder } from "./pattern_finder.ts";
import { TextWindow } from "./text_window.ts";

/** How much of what was said and not matched is kept, in characters. */
const WINDOW_CHARS = 1024 * 1024;

/**
 * What is waited for: in what programs write, or in the kernel's log lines.
 *
 * @example
 * ```ts
 * import type { ConsoleChannel } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const channels: ConsoleChannel[] = ["text", "kernel"];
 * assertEquals(channels.length, 2);
 * ```
 */
export type ConsoleChannel = "text" | "kernel";

/** A place on the console: how much of each channel had been said then. */
export interface ConsolePlace {
  readonly text: number;
  readonly kernel: number;
}

/** What a wait came to. */
export type WaitEnd =
  | { readonly kind: "match"; readonly match: ConsoleMatch }
  | {
    readonly kind: "fail-on";
    readonly pattern: string | RegExp;
    readonly text: string;
    readonly heard: string;
  };

/** One that waits. */
export interface Wait {
  readonly channel: ConsoleChannel;
  readonly success: PatternFinder;
  readonly failOn: readonly { readonly text: PatternFinder; readonly kernel: PatternFinder }[];
  /** Takes what it came to. */
  readonly end: (end: WaitEnd) => void;
  /** Ends it with an error. */
  readonly refuse: (error: unknown) => void;
  /** What could not be done then: `wait for "login:"`. */
  readonly attempt: string;
}

/** A part of a channel. */
export interface Stretch {
  readonly channel: ConsoleChannel;
  readonly from: number;
  readonly to: number;
}

/**
 * Those who wait for something on the console, and what they have to choose from: what was said since the last match. They are served in
 * the order in which they asked, those who wait for the kernel's lines apart from the others. Whatever was said first decides: what a wait
 * wants, what it fails on, or a failure of the guest.
 */
export class Expectations {
  readonly #windows: Readonly<Record<ConsoleChannel, TextWindow>> = {
    text: new TextWindow(WINDOW_CHARS),
    kernel: new TextWindow(WINDOW_CHARS),
  };
  /** Where the last match ended, in each channel. */
  readonly #cursor: Record<ConsoleChannel, number> = { text: 0, kernel: 0 };
  /** Up to where the kernel had come at the last match, whichever it was: older lines fail nobody. */
  #kernelSeen = 0;
  /** How much of the text had been said when a line of the kernel came. */
  #kernelLines: { readonly end: number; readonly textAt: number }[] = [];
  readonly #waits: Wait[] = [];
  /** Nobody gets what was said after this place: the guest has failed there. */
  #limit: ConsolePlace | null = null;
  #lastMatch: Stretch | null = null;

  /** How much of each channel was said. */
  get place(): ConsolePlace {
    return { text: this.#windows.text.end, kernel: this.#windows.kernel.end };
  }

  /** What was matched last. */
  get lastMatch(): Stretch | null {
    return this.#lastMatch;
  }

  /** What was said since the last match. */
  heard(channel: ConsoleChannel): string {
    return this.#windows[channel].from(this.#cursor[channel]);
  }

  /** What was said from a place on. */
  textFrom(place: number): string {
    return this.#windows.text.from(place);
  }

  /** Adds what programs wrote. */
  pushText(text: string): void {
    this.#windows.text.push(text);
  }

  /** Adds a line of the kernel's log. */
  pushKernel(line: string): void {
    // What was taken before it was certain was not the programs' text.
    this.#cursor.text = Math.min(this.#cursor.text, this.#windows.text.end);
    this.#windows.kernel.push(`${line}\n`);
    const { text, kernel } = this.place;
    this.#kernelLines.push({ end: kernel, textAt: text });
    if (this.#kernelLines.length > 8192) this.#kernelLines = this.#kernelLines.slice(-4096);
  }

  /** Passes over everything that was said. */
  passOver(): void {
    this.#cursor.text = this.#windows.text.end;
    this.#kernelSeen = this.#windows.kernel.end;
  }

  /** From now on nobody gets what was said after this place; null lifts it. */
  limit(place: ConsolePlace | null): void {
    this.#limit = place;
  }

  /** Adds one that waits. */
  add(wait: Wait): void {
    this.#waits.push(wait);
  }

  /** Takes all of them away. */
  removeAll(): Wait[] {
    return this.#waits.splice(0);
  }

  /** Takes one away that no longer waits; returns whether it did. */
  remove(wait: Wait): boolean {
    const at = this.#waits.indexOf(wait);
    if (at >= 0) this.#waits.splice(at, 1);
    return at >= 0;
  }

  /**
   * Gives what was said to those who wait for it.
   *
   * @param held What may follow the text, but is not certain yet; only given when it has been so for a while.
   */
  serve(held: string = ""): void {
    for (let served = true; served;) {
      served = false;
      const heads = new Set<ConsoleChannel>();
      for (const wait of [...this.#waits]) {
        const isHead = !heads.has(wait.channel);
        heads.add(wait.channel);
        const end = this.#judge(wait, isHead, held);
        if (end === null) continue;
        this.remove(wait);
        wait.end(end);
        served = true;
      }
    }
  }

  /**
   * Whether somebody waits for what a failure says: then it is no failure. Those who do are served.
   *
   * @param stretch Where the failure was said.
   */
  serveWanted(stretch: Stretch): boolean {
    const wait = this.#waits.find(({ channel }) => channel === stretch.channel);
    const found = wait?.success.find(this.#windows[stretch.channel], this.#cursor[stretch.channel]);
    if (wait === undefined || !found || found.to <= stretch.from || found.from > stretch.to) return false;
    this.remove(wait);
    wait.end({ kind: "match", match: this.#take(wait.channel, found) });
    return true;
  }

  #judge(wait: Wait, isHead: boolean, held: string): WaitEnd | null {
    const { channel, success } = wait;
    const window = this.#windows[channel];
    const limit = this.#limit?.[channel] ?? Infinity;
    let found = isHead ? success.find(window, this.#cursor[channel], channel === "text" ? held : "") : null;
    if (found !== null && found.to > limit) found = null;
    const failed = this.#failOn(wait, found?.to ?? Infinity, limit);
    if (failed !== null) return failed;
    return found && { kind: "match", match: this.#take(channel, found) };
  }

  /** What a wait fails on, if that was said before what it waits for had been said. */
  #failOn({ channel, failOn }: Wait, before: number, limit: number): WaitEnd | null {
    for (const { text, kernel } of failOn) {
      if (channel === "text") {
        const found = text.find(this.#windows.text, this.#cursor.text);
        if (found !== null && found.to <= before && found.to <= limit) {
          return this.#failOnEnd(text, found, "text");
        }
      }
      const from = channel === "kernel" ? this.#cursor.kernel : this.#kernelSeen;
      const found = kernel.find(this.#windows.kernel, from);
      if (found === null) continue;
      // All of the text up to there had been said before the kernel's line.
      const first = channel === "kernel"
        ? found.to <= before && found.to <= limit
        : this.#textAt(found.to) < before && this.#textAt(found.to) <= limit;
      if (first) return this.#failOnEnd(kernel, found, "kernel");
    }
    return null;
  }

  #failOnEnd({ pattern }: PatternFinder, found: Found, channel: ConsoleChannel): WaitEnd {
    const heard = `${found.before.slice(-200)}${found.text}${
      this.#windows[channel].from(found.to).slice(0, 200)
    }`;
    return { kind: "fail-on", pattern, text: found.text, heard };
  }

  /** How much of the text had been said when the kernel had come to this place. */
  #textAt(kernel: number): number {
    return this.#kernelLines.find(({ end }) => end >= kernel)?.textAt ?? this.#windows.text.end;
  }

  #take(channel: ConsoleChannel, found: Found): ConsoleMatch {
    this.#cursor[channel] = found.to;
    this.#windows[channel].dropBefore(found.to);
    this.#kernelSeen = this.#windows.kernel.end;
    this.#lastMatch = { channel, from: found.from, to: found.to };
    return { text: found.text, groups: found.groups, before: found.before };
  }
}
