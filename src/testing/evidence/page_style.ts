/** How the page looks: for wide screens and narrow ones, light and dark, and on paper. Nothing of it is loaded from elsewhere. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --back: #f5f6f8; --card: #ffffff; --edge: #dcdfe5; --text: #1b2029; --soft: #5a6373; --accent: #0b5cad;
  --code: #f8f9fb; --bad: #b3261e; --bad-back: #fdecea; --fine: #1b6e3c; --fine-back: #e6f4ea; --odd: #8a5300; --odd-back: #fff4df;
  --typed: #5b3fa8; --typed-back: #f1edfb; --command: #0b5cad; --command-back: #e7f0fa;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12151b; --card: #1a1e26; --edge: #313844; --text: #e4e8ef; --soft: #a0abbc; --accent: #7db7f5;
    --code: #14181f; --bad: #ff9d94; --bad-back: #3b1c1b; --fine: #7fd8a0; --fine-back: #16301f; --odd: #f0c374; --odd-back: #352811;
    --typed: #c3b0ff; --typed-back: #272042; --command: #7db7f5; --command-back: #16283d;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main, header.top { max-width: 82rem; margin: 0 auto; padding: 0 1.5rem; }
header.top { padding-top: 1.75rem; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .4rem 0 .2rem; overflow-wrap: anywhere; text-wrap: balance; }
h2 { font-size: 1.05rem; margin: 0; }
p { margin: 0; overflow-wrap: anywhere; }
.kicker { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; color: var(--soft); font-size: .9rem; }
.pill {
  display: inline-block; padding: .1rem .65rem; border-radius: 99px; font-weight: 650; font-size: .85rem; overflow-wrap: anywhere;
}
.bad { color: var(--bad); background: var(--bad-back); }
.fine { color: var(--fine); background: var(--fine-back); }
.unknown, .odd { color: var(--odd); background: var(--odd-back); }
.lead { color: var(--soft); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .35rem; padding: 0; margin: 1rem 0 0; font-size: .9rem; }
nav a {
  display: block; padding: .2rem .7rem; border: 1px solid var(--edge); border-radius: 99px; background: var(--card); text-decoration: none;
}
nav a:hover { border-color: var(--accent); }
nav .n { color: var(--soft); font-variant-numeric: tabular-nums; }
section {
  background: var(--card); border: 1px solid var(--edge); border-radius: 10px; margin: 1rem 0; min-width: 0; overflow: hidden;
}
section > .head {
  display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: .25rem 1rem; padding: .7rem 1rem;
  border-bottom: 1px solid var(--edge);
}
section > .head p { color: var(--soft); font-size: .85rem; }
.body { padding: 1rem; }
.failure > .body { max-height: 32rem; overflow: auto; }
.failure { border-color: var(--bad); border-left-width: 5px; }
.failure .head { background: var(--bad-back); }
.failure h2 { color: var(--bad); }
pre { margin: 0; font: .8125rem/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 8; }
.message { font-size: .875rem; }
.failure details { margin-top: .75rem; color: var(--soft); font-size: .9rem; }
.stack { padding-top: .4rem; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: .9rem 1.5rem; margin: 0; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 1rem; }
@media (min-width: 62rem) { .pair { grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); } .pair > section { display: flex; flex-direction: column; } .pair.first { grid-template-columns: minmax(0, 7fr) minmax(0, 5fr); } }
/* Read backwards: it is scrolled to its end when the page opens, where the failure is. */
.end { display: flex; flex-direction: column-reverse; max-height: 38rem; overflow: auto; background: var(--code); flex: 1 1 auto; }
.end > * { flex: none; margin-bottom: auto; }
.scroll { max-height: 30rem; overflow: auto; background: var(--code); padding: .75rem 1rem; }
.scroll.wide pre { white-space: pre; overflow-wrap: normal; }
.timeline { list-style: none; margin: 0; padding: .25rem 0; }
.timeline li {
  display: grid; grid-template-columns: 4.2rem 4.9rem minmax(0, 1fr); gap: 0 .6rem; padding: .3rem 1rem .3rem .75rem; align-items: baseline;
  font-size: .9rem;
}
.timeline li + li { border-top: 1px solid color-mix(in srgb, var(--edge) 60%, transparent); }
.timeline time { color: var(--soft); font: .78rem var(--mono); text-align: right; font-variant-numeric: tabular-nums; }
.timeline .kind { font-size: .74rem; font-weight: 600; border-radius: 4px; padding: 0 .4rem; justify-self: start; color: var(--soft); background: color-mix(in srgb, var(--soft) 14%, transparent); }
.timeline .what { overflow-wrap: anywhere; min-width: 0; }
.timeline .what b { font-weight: 600; }
.timeline .detail { color: var(--soft); white-space: pre-wrap; display: block; }
.timeline .mono { font-family: var(--mono); font-size: .8rem; }
.timeline b.mono { font-weight: 650; }
.timeline .k-gap .what { grid-column: 3; }
.k-end .kind, .k-failure .kind { color: var(--bad); background: var(--bad-back); }
.k-failure { background: var(--bad-back); }
.k-typed .kind { color: var(--typed); background: var(--typed-back); }
.k-command .kind { color: var(--command); background: var(--command-back); }
.k-gap { color: var(--soft); font-style: italic; }
.console { padding: .6rem 0; }
.l { display: block; min-height: 1.55em; padding: 0 1rem 0 4.9rem; position: relative; }
.l[data-t]::before {
  content: attr(data-t); position: absolute; left: 0; width: 4.2rem; text-align: right; color: var(--soft); opacity: .85; font-size: .72rem;
  line-height: 1.75;
}
.l.hot { background: var(--bad-back); color: var(--bad); font-weight: 600; }
.l.typed { background: var(--typed-back); color: var(--typed); }
.l.gap { color: var(--soft); font-style: italic; }
.run { border-top: 1px solid var(--edge); }
.run:first-child { border-top: 0; }
.run > summary { padding: .55rem 1rem; cursor: pointer; }
.run code { font: .85rem var(--mono); overflow-wrap: anywhere; white-space: pre-wrap; }
.run .out { padding: .5rem 1rem 1rem; background: var(--code); display: grid; gap: .5rem; grid-template-columns: minmax(0, 1fr); }
.run .out h3 { margin: 0; font-size: .78rem; color: var(--soft); font-weight: 600; }
.run .out pre { max-height: 20rem; overflow: auto; }
.right { float: right; margin-left: .75rem; font-size: .82rem; font-weight: 400; line-height: 1.9; color: var(--soft); }
details > summary { cursor: pointer; }
details.fold > summary { padding: .7rem 1rem; font-weight: 600; }
details.fold > summary h2 { display: inline; }
.shots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 1.25rem; align-items: start; }
.shots .wide, .shots details { grid-column: 1 / -1; }
figure { margin: 0; min-width: 0; max-width: 100%; }
figure img { display: block; max-width: 100%; height: auto; border: 1px solid var(--edge); border-radius: 6px; background: #000; }
figcaption { color: var(--soft); font-size: .85rem; padding-top: .35rem; overflow-wrap: anywhere; max-width: 45rem; }
.shots details { min-width: 0; color: var(--soft); font-size: .9rem; }
.screen-text { margin-top: .5rem; width: fit-content; max-width: 100%; overflow: auto; background: #101010; color: #d8d8d8; border-radius: 6px; padding: .6rem .8rem; }
.screen-text pre { white-space: pre; overflow-wrap: normal; line-height: 1.2; }
.files { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .6rem 1.5rem; }
.files a { font-family: var(--mono); font-size: .88rem; overflow-wrap: anywhere; }
.files .about { color: var(--soft); font-size: .85rem; display: block; }
.missing { margin: 0; padding-left: 1.1rem; }
.missing li { overflow-wrap: anywhere; }
.empty { color: var(--soft); padding: 1rem; }
footer { color: var(--soft); font-size: .85rem; padding: .5rem 0 2.5rem; }
@media (max-width: 40rem) {
  main, header.top { padding-left: .75rem; padding-right: .75rem; }
  header.top { padding-top: 1rem; }
  h1 { font-size: 1.25rem; }
  .timeline li { grid-template-columns: auto 1fr; padding: .4rem .75rem; }
  .timeline time { text-align: left; }
  .timeline .what { grid-column: 1 / -1; }
  .l { padding: 0 .75rem; }
  .l[data-t]::before { position: static; display: block; width: auto; text-align: left; line-height: 1.2; padding-top: .3rem; }
  .body, .scroll { padding-left: .75rem; padding-right: .75rem; }
  section > .head { padding: .6rem .75rem; }
  .right { float: none; display: block; margin: 0; }
}
@media print {
  body { background: #fff; }
  .end, .scroll, .run .out pre { max-height: none; overflow: visible; }
  nav { display: none; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;
