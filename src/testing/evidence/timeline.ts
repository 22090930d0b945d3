import type { AnyQmpEvent } from "../../qmp/mod.ts";
import type { Verdict } from "../../vm/mod.ts";
import type { CommandEntry, TimelineEntry } from "./model.ts";

/** What a timeline is made of. */
export interface TimelineSources {
  readonly events: readonly { readonly at: number; readonly event: AnyQmpEvent }[];
  readonly ends: readonly Verdict[];
  readonly typings: readonly { readonly at: number; readonly text: string; readonly by: string }[];
  readonly commands: readonly CommandEntry[];
  readonly notes: readonly { readonly at: number; readonly title: string; readonly detail: string }[];
  readonly pictures: readonly { readonly at: number; readonly name: string; readonly caption: string }[];
  readonly failure: { readonly at: number; readonly name: string; readonly message: string } | null;
}

/** How many entries a page shows; with more it would not be read. */
const MAX_ENTRIES = 400;
const DETAIL_CHARS = 600;

/**
 * Everything that happened, in order of time. The same event over and over is one entry.
 *
 * @param sources What was noted.
 * @returns The entries, and how many from the middle were left out.
 */
export function makeTimeline(sources: TimelineSources): { entries: TimelineEntry[]; dropped: number } {
  const all = [
    ...foldPairs(foldRepeats(sources.events.map(ofEvent))),
    ...sources.ends.map(ofEnd),
    ...sources.typings.map(({ at, text, by }) => entry(at, "typed", `Typed on the ${by}`, visible(text))),
    ...sources.commands.map(ofCommand),
    ...sources.notes.map(({ at, title, detail }) => entry(at, "note", title, detail)),
    ...sources.pictures.map(({ at, name, caption }) => entry(at, "picture", name, caption)),
    ...(sources.failure
      ? [
        entry(
          sources.failure.at,
          "failure",
          `The test failed: ${sources.failure.name}`,
          sources.failure.message,
        ),
      ]
      : []),
  ].sort((a, b) => a.at - b.at);
  const dropped = Math.max(0, all.length - MAX_ENTRIES);
  const half = MAX_ENTRIES / 4;
  return { entries: dropped === 0 ? all : [...all.slice(0, half), ...all.slice(half + dropped)], dropped };
}

function entry(at: number, kind: TimelineEntry["kind"], title: string, detail: string): TimelineEntry {
  const shown = detail.length > DETAIL_CHARS ? `${detail.slice(0, DETAIL_CHARS)} ...` : detail;
  return { at, kind, title, detail: shown };
}

/** The host's clock stamps both, so QEMU's own time says when it was, however late it was read. */
function ofEvent({ event }: { event: AnyQmpEvent }): TimelineEntry {
  const { seconds, microseconds } = event.timestamp;
  const at = seconds * 1000 + microseconds / 1000;
  return entry(at, "event", event.event, event.data === undefined ? "" : membersOf(event.data));
}

function ofEnd(verdict: Verdict): TimelineEntry {
  const how =
    { ended: "QEMU ended", held: "QEMU holds the guest", running: "the guest goes on" }[verdict.process];
  return entry(verdict.at.getTime(), "end", `Verdict: ${verdict.cause}`, `${verdict.detail} (${how})`);
}

function ofCommand({ at, command, tookMs, outcome }: CommandEntry): TimelineEntry {
  const how = outcome.kind === "exited"
    ? `exit ${outcome.code}`
    : outcome.kind === "failed"
    ? outcome.reason
    : "still running";
  return entry(at, "command", `$ ${command}`, tookMs === null ? how : `${how}, ${Math.round(tookMs)} ms`);
}

function foldRepeats(entries: readonly TimelineEntry[]): TimelineEntry[] {
  const folded: { first: TimelineEntry; count: number }[] = [];
  for (const one of entries) {
    const last = folded.at(-1);
    if (last && isLike(last.first, one)) last.count++;
    else folded.push({ first: one, count: 1 });
  }
  return folded.map(({ first, count }) =>
    count === 1 ? first : { ...first, title: `${first.title} (${count} times)` }
  );
}

/** A guest whose screen is read, or whose memory is saved, is stopped and goes on many times. */
function foldPairs(entries: readonly TimelineEntry[]): TimelineEntry[] {
  const folded: TimelineEntry[] = [];
  for (let at = 0; at < entries.length;) {
    const [first, second] = [entries[at], entries[at + 1]];
    if (first === undefined) break;
    let count = 1;
    while (
      second !== undefined && isLike(first, entries[at + 2 * count]) &&
      isLike(second, entries[at + 2 * count + 1])
    ) {
      count++;
    }
    if (second === undefined || count === 1) {
      folded.push(first);
      at++;
      continue;
    }
    const detail = [first.detail, second.detail].filter((text) => text !== "").join(", ");
    folded.push({ ...first, title: `${first.title}, ${second.title} (${count} times)`, detail });
    at += 2 * count;
  }
  return folded;
}

function isLike(a: TimelineEntry, b: TimelineEntry | undefined): boolean {
  return a.title === b?.title && a.detail === b.detail;
}

/** `guest: true, reason: "guest-panic"`: JSON with as few signs as can be. */
function membersOf(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data).map(([name, value]) => `${name}: ${jsonOf(value)}`).join(", ");
}

function jsonOf(value: unknown): string {
  const text = JSON.stringify(value, (_key, member) => typeof member === "bigint" ? `${member}` : member);
  return text ?? "";
}

function visible(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}
