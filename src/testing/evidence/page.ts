import { type Html, Html as RawHtml, html } from "./html.ts";
import type { CommandEntry, ConsoleLine, EvidenceModel, TimelineEntry } from "./model.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** Nothing is loaded but the folder's own pictures, and no script runs, whatever a guest has managed to put into its output. */
const POLICY =
  "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Lines of a console in which guests say that something went badly wrong. */
const HOT_LINE =
  /Kernel panic|\bOops\b|\bBUG:|Call Trace:|Out of memory:|hung_task|blocked for more than|emergency (?:mode|shell)|No bootable device|general protection fault|Attempted to kill init/i;

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

/**
 * The page of a VM's evidence: one document of HTML that needs nothing but itself, and the pictures that it names.
 *
 * @param model What it shows; secrets are out of it already.
 * @returns The page.
 */
export function renderPage(model: EvidenceModel): string {
  const sections = [
    failureSection(model),
    factsSection(model),
    screenSection(model),
    new RawHtml(html`<div class="pair">${timelineSection(model)}${consoleSection(model)}</div>`.text),
    commandsSection(model),
    launchSection(model),
    stderrSection(model),
    foldedSection("registers", "Registers", "info registers -a", model.registers),
    foldedSection("machine", "Machine", "disks, networks, devices, memory map", model.machine),
    filesSection(model),
    missingSection(model),
  ];
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <title>${model.test}: ${model.vm}</title>
        <style>${new RawHtml(PAGE_STYLE)}</style>
      </head>
      <body>
        <header class="top">
    <p class="kicker"><span class="pill ${model.state.tone}">${model.state.word}</span>
    <span>guest <b>${model.vm}</b></span>
    <time datetime="${iso(model.collectedAt)}">${iso(model.collectedAt).replace("T", " ").slice(
      0,
      19,
    )} UTC</time>
    <span>after ${seconds(model.collectedAt - model.startedAt)} s</span></p>
    <h1>${model.test}</h1>
    <p class="lead">${model.state.detail}</p>
    ${navigation(model)}
        </header>
        <main>
    ${sections}
    <footer>Times are seconds since the record of this guest began, ${iso(model.startedAt)}.</footer>
        </main>
      </body>
    </html>
  `.text;
}

function navigation(model: EvidenceModel): Html {
  const links: [string, string, number | null, boolean][] = [
    ["failure", "Failure", null, model.failure !== null],
    ["screen", "Screen", model.pictures.length, model.pictures.length > 0 || model.screenText !== null],
    ["timeline", "Timeline", model.timeline.length + model.timelineDropped, true],
    ["console", "Console", null, model.console !== null],
    ["commands", "Commands", model.commands.length, model.commands.length > 0],
    ["launch", "Launch", null, model.commandLine !== null],
    ["stderr", "stderr", null, true],
    ["registers", "Registers", null, model.registers !== null],
    ["machine", "Machine", null, model.machine !== null],
    ["files", "Files", model.files.length, true],
    ["missing", "Not to be had", model.missing.length, model.missing.length > 0],
  ];
  const items = links.filter(([, , , shown]) => shown).map(([id, name, count]) =>
    html`<li><a href="#${id}">${name}${
      count === null ? null : html`
        <span class="n">${count}</span>
      `
    }</a></li>`
  );
  return html`
    <nav aria-label="Parts of this page">
      <ul>${items}</ul>
    </nav>
  `;
}

function section(id: string, title: string, about: string, content: Html, more = ""): Html {
  const aside = about === "" ? null : html`<p>${about}</p>`;
  return html`
    <section id="${id}" class="${more}" aria-labelledby="${id}-title">
    <div class="head"><h2 id="${id}-title">${title}</h2>${aside}</div>
    ${content}
    </section>
  `;
}

function failureSection({ failure }: EvidenceModel): Html | null {
  if (failure === null) return null;
  // The stack repeats name and message first.
  const frames = failure.stack.split("\n").filter((line) => /^\s+at /.test(line)).join("\n");
  const stack = frames === "" ? null : html`
    <details>
      <summary>Where</summary>
      <pre>${frames}</pre>
    </details>
  `;
  const content = html`<div class="body"><pre class="message">${failure.message}</pre>${stack}</div>`;
  return section("failure", failure.name, "what the test failed with", content, "failure");
}

function factsSection({ facts }: EvidenceModel): Html {
  const items = facts.map(([name, value]) =>
    html`
      <div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>
    `
  );
  return section(
    "facts",
    "Facts",
    "",
    html`
      <div class="body">
        <dl class="facts">${items}</dl>
      </div>
    `,
  );
}

function screenSection({ pictures, screenText }: EvidenceModel): Html | null {
  if (pictures.length === 0 && screenText === null) return null;
  const figures = pictures.map(({ source, width, height, caption, file }) =>
    html`<figure><a href="${fileLink(file)}"><img src="${
      source === file ? fileLink(file) : source
    }" width="${width}" height="${height}" alt="${caption}"></a>
<figcaption>${caption} (${width} x ${height})</figcaption></figure>`
  );
  const text = screenText === null ? null : html`
    <figure>
      <div class="screen-text" tabindex="0" role="region" aria-label="Text on the screen">
        <pre>${screenText}</pre>
      </div>
      <figcaption>The text on the screen</figcaption>
    </figure>
  `;
  return section("screen", "Screen", "", html`<div class="body shots">${figures}${text}</div>`);
}

function timelineSection({ timeline, timelineDropped, startedAt }: EvidenceModel): Html {
  const items = timeline.map((entry) => timelineItem(entry, startedAt));
  if (timelineDropped > 0) {
    items.splice(
      100,
      0,
      html`
        <li
          class="k-gap"><span></span><span></span><span class="what">${timelineDropped} entries are left out here</span></li>
      `,
    );
  }
  const list = items.length === 0 ? html`<p class="empty">Nothing was noted</p>` : html`
    <div class="end" tabindex="0" role="region" aria-label="Timeline">
      <ol class="timeline">${items}</ol>
    </div>
  `;
  return section("timeline", "Timeline", "seconds", list);
}

function timelineItem({ at, kind, title, detail }: TimelineEntry, startedAt: number): Html {
  const mono = kind === "event" || kind === "command" || kind === "typed";
  const rest = detail === "" ? null : html`<span class="detail">${detail}</span>`;
  return html`
    <li
      class="k-${kind}"><time datetime="${iso(at)}">${seconds(
        at - startedAt,
      )}</time><span class="kind">${KINDS[kind]}</span><div class="what${mono
        ? " mono"
        : ""}"><b>${title}</b>${rest}</div></li>
  `;
}

function consoleSection({ console, startedAt }: EvidenceModel): Html | null {
  if (console === null) {
    return section("console", "Console", "", html`<p class="empty">This guest has no serial console</p>`);
  }
  const content = console.length === 0 ? html`<p class="empty">The guest said nothing</p>` : html`
    <div class="end" tabindex="0" role="region" aria-label="Console">
      <pre class="console">${consoleItems(console, startedAt)}</pre>
    </div>
  `;
  return section("console", "Console", "violet: what was typed", content);
}

function consoleItems(lines: readonly ConsoleLine[], startedAt: number): Html[] {
  let last = -Infinity;
  return lines.map(({ at, kind, text }) => {
    const look = kind === "said" ? (HOT_LINE.test(text) ? " hot" : "") : ` ${kind}`;
    const shown = kind === "typed" ? `\u2328 ${printable(text)}` : text;
    const isNew = at - last >= TIME_STEP_MS;
    if (isNew) last = at;
    const time = isNew
      ? html`
        data-t="${seconds(at - startedAt)}"
      `
      : null;
    return html`
      <span class="l${look}" ${time}>${shown}
      </span>
    `;
  });
}

function commandsSection({ commands, startedAt }: EvidenceModel): Html | null {
  if (commands.length === 0) return null;
  const last = commands.length - 1;
  const items = commands.map((command, at) => commandItem(command, startedAt, at === last));
  return section("commands", "Commands run in the guest", "", html`<div>${items}</div>`);
}

function commandItem(command: CommandEntry, startedAt: number, isLast: boolean): Html {
  const { outcome, tookMs } = command;
  const ok = outcome.kind === "exited" && outcome.code === 0;
  const word = outcome.kind === "exited"
    ? `exit ${outcome.code}`
    : outcome.kind === "failed"
    ? outcome.reason
    : "still running";
  const took = tookMs === null ? "" : `, ${Math.round(tookMs)} ms`;
  const streams = ([["stdout", command.stdout], ["stderr", command.stderr]] as const)
    .filter(([, text]) => text !== "")
    .map(([name, text]) =>
      html`
        <div>
          <h3>${name}</h3>
          <pre tabindex="0">${text}</pre>
        </div>
      `
    );
  const out = streams.length === 0
    ? html`<p class="empty">It printed nothing</p>`
    : html`<div class="out">${streams}</div>`;
  const open = isLast || !ok ? new RawHtml(" open") : null;
  return html`
    <details class="run"
      ${open}><summary><span class="right">at ${seconds(
        command.at - startedAt,
      )} s${took}</span><span class="pill ${ok ? "fine" : "bad"}">${word}</span> <code>${command
        .command}</code></summary>${out}</details>
  `;
}

function launchSection({ commandLine }: EvidenceModel): Html | null {
  if (commandLine === null) return null;
  const content = html`
    <div class="scroll" tabindex="0" role="region" aria-label="QEMU's command line">
      <pre>${commandLine}</pre>
    </div>
  `;
  return section("launch", "QEMU's command line", "argv.sh starts it again, in a new run directory", content);
}

function stderrSection({ stderr }: EvidenceModel): Html {
  const content = stderr.trim() === "" ? html`<p class="empty">QEMU said nothing on stderr</p>` : html`
    <div class="scroll" tabindex="0" role="region" aria-label="QEMU's stderr">
      <pre>${stderr}</pre>
    </div>
  `;
  return section("stderr", "QEMU's stderr", "", content);
}

function foldedSection(id: string, title: string, about: string, text: string | null): Html | null {
  if (text === null) return null;
  return html`
    <section id="${id}" aria-labelledby="${id}-title">
      <details class="fold">
        <summary><h2 id="${id}-title">${title}</h2> <span class="right">${about}</span></summary>
        <div class="scroll wide" tabindex="0" role="region" aria-label="${title}">
          <pre>${text}</pre>
        </div>
      </details>
    </section>
  `;
}

function filesSection({ files }: EvidenceModel): Html {
  const items = files.map(({ name, bytes, about }) =>
    html`<li><a href="${fileLink(name)}">${name}</a> <span class="about">${about}, ${size(bytes)}</span></li>`
  );
  return section(
    "files",
    "Files",
    "beside this page",
    html`
      <div class="body">
        <ul class="files">${items}</ul>
      </div>
    `,
  );
}

function missingSection({ missing }: EvidenceModel): Html | null {
  if (missing.length === 0) return null;
  const items = missing.map(({ what, why }) => html`<li><b>${what}</b>: ${why}</li>`);
  return section(
    "missing",
    "What could not be had",
    "",
    html`
      <div class="body">
        <ul class="missing">${items}</ul>
      </div>
    `,
  );
}

/** A name that holds a colon would be taken for a scheme. */
function fileLink(name: string): string {
  return `./${encodeURIComponent(name)}`;
}

function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
