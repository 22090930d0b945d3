import { Markup, markup } from "./markup.ts";
import type { EvidenceModel } from "./model.ts";
import { commandsSection, consoleSection, screenSection, timelineSection } from "./page_parts.ts";
import { box, fileLink, foldedSection, isoTime, seconds, section } from "./page_section.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** Nothing is loaded but the folder's own pictures, and no script runs, whatever a guest has managed to put into its output. */
const POLICY =
  "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The page of a VM's evidence: one document of HTML that needs nothing but itself, and the pictures that it names.
 *
 * @param model What it shows; secrets are out of it already.
 * @returns The page.
 */
export function renderPage(model: EvidenceModel): string {
  // One picture has its place beside the failure; more of them, to be compared, have a row of their own.
  const first = [failureSection(model), screenSection(model)].filter((part) => part !== null);
  const isPair = first.length === 2 && model.pictures.length === 1;
  const title = `${model.test}: ${model.vm}`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
${header(model)}
<main>
${isPair ? markup`<div class="pair first">${first}</div>` : first}
<div class="pair">${timelineSection(model)}${consoleSection(model)}</div>
${commandsSection(model)}
${launchSection(model)}
${stderrSection(model)}
${foldedSection("registers", "Registers", "info registers -a", model.registers)}
${foldedSection("machine", "Machine", "disks, networks, devices, memory map", model.machine)}
${factsSection(model)}
${filesSection(model)}
${missingSection(model)}
<footer>Times are seconds since the record of this guest began, <time>${
    isoTime(model.startedAt)
  }</time>.</footer>
</main>
</body>
</html>
`.text;
}

function header(model: EvidenceModel): Markup {
  const { state, collectedAt, startedAt } = model;
  // The guest may be well where the test is not.
  const failed = model.failure !== null && state.tone !== "bad"
    ? markup`<span class="pill bad">failed</span> `
    : null;
  const when = isoTime(collectedAt).replace("T", " ").slice(0, 19);
  return markup`<header class="top">
<p class="kicker">${failed}<span class="pill ${state.tone}">${state.word}</span> <span>guest <b>${model.vm}</b></span>
<time datetime="${isoTime(collectedAt)}">${when} UTC</time> <span>after ${
    seconds(collectedAt - startedAt)
  } s</span></p>
<h1>${model.test}</h1>
<p class="lead">${state.detail}</p>
${navigation(model)}
</header>`;
}

function navigation(model: EvidenceModel): Markup {
  const links: readonly (readonly [id: string, name: string, count: number | null, isThere: boolean])[] = [
    ["failure", "Failure", null, model.failure !== null],
    ["screen", "Screen", null, model.pictures.length > 0 || model.screenText !== null],
    ["timeline", "Timeline", model.timeline.length + model.timelineDropped, true],
    ["console", "Console", null, model.console !== null],
    ["commands", "Commands", model.commands.length, model.commands.length > 0],
    ["launch", "Command line", null, model.commandLine !== null],
    ["stderr", "stderr", null, true],
    ["registers", "Registers", null, model.registers !== null],
    ["machine", "Machine", null, model.machine !== null],
    ["facts", "Facts", null, true],
    ["files", "Files", model.files.length, true],
    ["missing", "Not to be had", model.missing.length, model.missing.length > 0],
  ];
  const items = links.filter(([, , , isThere]) => isThere).map(([id, name, count]) =>
    markup`<li><a href="#${id}">${name}${
      count === null ? null : markup` <span class="n">${count}</span>`
    }</a></li>
`
  );
  return markup`<nav aria-label="Parts of this page"><ul>
${items}</ul></nav>`;
}

function failureSection({ failure }: EvidenceModel): Markup | null {
  if (failure === null) return null;
  // The stack repeats name and message first.
  const frames = failure.stack.split("\n").filter((line) => /^\s+at /.test(line)).join("\n");
  const stack = frames === ""
    ? null
    : markup`<details><summary>Where</summary><pre class="stack">${frames}</pre></details>`;
  const content = markup`<div class="body"><pre class="message">${failure.message}</pre>${stack}</div>`;
  return section("failure", "The test failed", failure.name, content, "failure");
}

function factsSection({ facts }: EvidenceModel): Markup {
  const items = facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return section("facts", "Facts", "", markup`<div class="body"><dl class="facts">${items}</dl></div>`);
}

function launchSection({ commandLine }: EvidenceModel): Markup | null {
  if (commandLine === null) return null;
  const about = "argv.sh starts it again, in a new run directory";
  return section("launch", "QEMU's command line", about, box("QEMU's command line", commandLine));
}

function stderrSection({ stderr }: EvidenceModel): Markup {
  const content = stderr.trim() === ""
    ? markup`<p class="empty">QEMU said nothing on stderr</p>`
    : box("QEMU's stderr", stderr);
  return section("stderr", "QEMU's stderr", "", content);
}

function filesSection({ files }: EvidenceModel): Markup {
  const items = files.map(({ name, bytes, about }) =>
    markup`<li><a href="${fileLink(name)}">${name}</a> <span class="about">${about}, ${
      sizeOf(bytes)
    }</span></li>
`
  );
  const content = markup`<div class="body"><ul class="files">
${items}</ul></div>`;
  return section("files", "Files", "beside this page", content);
}

function missingSection({ missing }: EvidenceModel): Markup | null {
  if (missing.length === 0) return null;
  const items = missing.map(({ what, why }) =>
    markup`<li><b>${what}</b>: ${why}</li>
`
  );
  const content = markup`<div class="body"><ul class="missing">
${items}</ul></div>`;
  return section("missing", "What could not be had", "", content);
}

function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
