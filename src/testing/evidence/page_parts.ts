import { Markup, markup } from "./markup.ts";
import type { CommandEntry, ConsoleLine, EvidenceModel, TimelineEntry } from "./model.ts";
import { fileLink, isoTime, seconds, section } from "./page_section.ts";

/** Lines of a console in which guests say that something went badly wrong. */
const HOT_LINE =
  /Kernel panic|\bOops\b|\bBUG:|Call Trace:|Out of memory:|blocked for more than|emergency (?:mode|shell)|No bootable device|general protection fault|Attempted to kill init/i;

/** A picture that is so much wider than high, as the strip of a film is, has a row of its own. */
const WIDE_RATIO = 2.5;

/** The time is written before a console line again when this much has passed, in milliseconds. */
const TIME_STEP_MS = 10;

const KINDS: Readonly<Record<TimelineEntry["kind"], string>> = {
  event: "event",
  end: "verdict",
  typed: "typed",
  command: "command",
  note: "note",
  picture: "picture",
  failure: "failed",
};

/** What was on the screen; null where nothing is known of one. */
export function screenSection({ pictures, screenText }: EvidenceModel): Markup | null {
  if (pictures.length === 0 && screenText === null) return null;
  const figures = pictures.map(({ source, width, height, caption, file }) => {
    const image = source === file ? fileLink(file) : source;
    const look = width > WIDE_RATIO * height ? "wide" : "";
    return markup`<figure class="${look}"><a href="${
      fileLink(file)
    }"><img src="${image}" width="${width}" height="${height}" alt="${caption}"></a>
<figcaption>${caption} (${width} x ${height})</figcaption></figure>
`;
  });
  const text = screenText === null
    ? null
    : markup`<details${
      pictures.length === 0 ? new Markup(" open") : null
    }><summary>The text on the screen</summary>
<div class="screen-text" tabindex="0" role="region" aria-label="Text on the screen"><pre>${screenText}</pre></div></details>
`;
  return section("screen", "Screen", "", markup`<div class="body shots">${figures}${text}</div>`);
}

/** Everything that happened, in order. */
export function timelineSection({ timeline, timelineDropped, startedAt }: EvidenceModel): Markup {
  const items = timeline.map((entry) => timelineItem(entry, startedAt));
  if (timelineDropped > 0) {
    const gap =
      markup`<li class="k-gap"><div class="what">${timelineDropped} entries are left out here</div></li>
`;
    items.splice(Math.floor(items.length / 4), 0, gap);
  }
  const list = items.length === 0
    ? markup`<p class="empty">Nothing was noted</p>`
    : markup`<div class="end" tabindex="0" role="region" aria-label="Timeline"><ol class="timeline">
${items}</ol></div>`;
  return section("timeline", "Timeline", "in seconds", list);
}

function timelineItem({ at, kind, title, detail }: TimelineEntry, startedAt: number): Markup {
  const isWire = kind === "event" || kind === "command";
  const rest = detail === ""
    ? null
    : markup`<span class="detail${isWire || kind === "typed" ? " mono" : ""}">${detail}</span>`;
  return markup`<li class="k-${kind}"><time datetime="${isoTime(at)}">${
    seconds(at - startedAt)
  }</time> <span class="kind">${KINDS[kind]}</span> <div class="what"><b${
    isWire ? new Markup(' class="mono"') : null
  }>${title}</b>${rest}</div></li>
`;
}

/** What the guest said on its console, and what was typed into it. */
export function consoleSection({ console, startedAt }: EvidenceModel): Markup {
  const content = console === null
    ? markup`<p class="empty">This guest has no serial console</p>`
    : console.length === 0
    ? markup`<p class="empty">The guest said nothing</p>`
    : markup`<div class="end" tabindex="0" role="region" aria-label="Console"><pre class="console">${
      consoleItems(console, startedAt)
    }</pre></div>`;
  const hasTyped = console?.some(({ kind }) => kind === "typed") ?? false;
  return section("console", "Console", hasTyped ? "violet: typed" : "", content);
}

/** Each line is a block that ends with its line end, so that what is copied has it once. */
function consoleItems(lines: readonly ConsoleLine[], startedAt: number): Markup[] {
  let last = -Infinity;
  return lines.map(({ at, kind, text }) => {
    const look = kind === "said" ? (HOT_LINE.test(text) ? " hot" : "") : ` ${kind}`;
    const shown = kind === "typed" ? printable(text) : text;
    const isNew = at - last >= TIME_STEP_MS;
    if (isNew) last = at;
    const time = isNew ? markup` data-t="${seconds(at - startedAt)}"` : null;
    return markup`<span class="l${look}"${time}>${shown}
</span>`;
  });
}

/** The commands that were run in the guest; null where there were none. */
export function commandsSection({ commands, startedAt }: EvidenceModel): Markup | null {
  if (commands.length === 0) return null;
  const last = commands.length - 1;
  const items = commands.map((command, at) => commandItem(command, startedAt, at === last));
  return section("commands", "Commands run in the guest", "", markup`<div>${items}</div>`);
}

function commandItem(command: CommandEntry, startedAt: number, isLast: boolean): Markup {
  const { outcome, tookMs } = command;
  const worked = outcome.kind === "exited" && outcome.code === 0;
  const word = outcome.kind === "exited"
    ? `exit ${outcome.code}`
    : outcome.kind === "failed"
    ? "no result"
    : "still running";
  const took = tookMs === null ? "" : `, ${Math.round(tookMs)} ms`;
  const streams = ([["stdout", command.stdout], ["stderr", command.stderr]] as const)
    .filter(([, text]) => text !== "")
    .map(([name, text]) =>
      markup`<div><h3>${name}</h3><pre tabindex="0" role="region" aria-label="${name}">${text}</pre></div>
`
    );
  const output = streams.length === 0
    ? markup`<p class="empty">It printed nothing</p>`
    : markup`<div class="out">${streams}</div>`;
  // The whole message may be a panic's text, which the page has at its top.
  const why = outcome.kind === "failed"
    ? markup`<p class="empty">${firstLine(outcome.reason)}</p>
`
    : null;
  const open = isLast || !worked ? new Markup(" open") : null;
  return markup`<details class="run"${open}><summary><span class="right">at ${
    seconds(command.at - startedAt)
  } s${took}</span><span class="pill ${
    worked ? "fine" : "bad"
  }">${word}</span> <code>${command.command}</code></summary>
${why}${output}</details>
`;
}

function firstLine(text: string): string {
  const [first = "", ...others] = text.split("\n");
  return others.length === 0 ? first : `${first} …`;
}

function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}
