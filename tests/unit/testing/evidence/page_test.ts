import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { escapeHtml } from "../../../../src/testing/evidence/markup.ts";
import { renderPage } from "../../../../src/testing/evidence/page.ts";
import { modelOf } from "./_model.ts";

/** The page's tags, with the names of their attributes. */
function tagsOf(page: string): string[] {
  return [...page.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, ""));
}

Deno.test("renderPage() makes the same tags whatever the guest has said", () => {
  const expected = tagsOf(renderPage(modelOf("word")));
  const unit = fc.oneof(fc.constantFrom(..."<>&\"'`/=\\ \0\x1b\n", "<script>", "</pre>", "-->"), fc.string());
  const text = fc.array(unit, { minLength: 1, maxLength: 8 }).map((parts) => `${parts.join("")}.`);
  fc.assert(fc.property(text, (said) => assertEquals(tagsOf(renderPage(modelOf(said))), expected)));
});

Deno.test("renderPage() needs nothing from elsewhere, and has no script", () => {
  const page = renderPage(modelOf("word", { pictures: [] }));
  assertFalse(/<script|javascript:|@import|url\(|\bon\w+=/i.test(page));
  for (const [, link] of page.matchAll(/(?:href|src)="([^"]*)"/g)) assertMatch(link ?? "", /^(#|data:|\.\/)/);
  assertStringIncludes(page, 'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;');
});

Deno.test("renderPage() links each part of the page that is there, and names each box that scrolls", () => {
  const full = renderPage(modelOf("word"));
  const bare = renderPage(
    modelOf("word", {
      failure: null,
      console: null,
      commands: [],
      pictures: [],
      screenText: null,
      registers: null,
      machine: null,
      commandLine: null,
      missing: [],
      timeline: [],
    }),
  );
  for (const page of [full, bare]) {
    const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    assert(links.length >= 4);
    for (const id of links) assertStringIncludes(page, `<section id="${id}"`);
    const boxes = page.match(/tabindex="0"/g)?.length ?? 0;
    assertEquals(page.match(/tabindex="0" role="region" aria-label="[^"]+"/g)?.length ?? 0, boxes);
    assertEquals(page.match(/<img/g)?.length ?? 0, page.match(/<img[^>]* alt="[^"]+"/g)?.length ?? 0);
  }
});

Deno.test("renderPage() keeps the spaces of a console's lines, and marks the lines in which a kernel panics", () => {
  const page = renderPage(modelOf("word", {
    console: [
      { at: 20, kind: "said", text: "  two  spaces" },
      { at: 21, kind: "said", text: "[ 1.0] Kernel panic - not syncing: x" },
      { at: 40, kind: "typed", text: 'echo "a"\n' },
    ],
  }));
  const [, lines] = /<pre class="console">([^]*?)<\/pre>/.exec(page) ?? [];
  assertEquals(
    lines,
    '<span class="l" data-t="0.020">  two  spaces\n</span>' +
      '<span class="l hot">[ 1.0] Kernel panic - not syncing: x\n</span>' +
      '<span class="l typed" data-t="0.040">echo &quot;a&quot;\\n\n</span>',
  );
});

Deno.test("renderPage() says only the first line of why a command has no result", () => {
  const reason = 'VM "linux": guest panicked\n  console:\n    Kernel panic';
  const outcome = { kind: "failed", reason } as const;
  const page = renderPage(modelOf("word", {
    commands: [{ at: 1, command: "make test", tookMs: 2, outcome, stdout: "", stderr: "" }],
  }));
  const [, run] = /<details class="run" open>([^]*?)<\/details>/.exec(page) ?? [];
  assertStringIncludes(run ?? "", '<span class="pill bad">no result</span> <code>make test</code>');
  assertStringIncludes(run ?? "", '<p class="empty">VM &quot;linux&quot;: guest panicked …</p>');
  assertFalse(run?.includes("Kernel panic"));
});

Deno.test("escapeHtml() shows controls as signs, and is right for lone surrogates", () => {
  assertEquals(escapeHtml("a\0\x1b[0m\x7f\x9b\ud800 \t\n"), "a\u2400\u241b[0m\u2421\ufffd\ufffd \t\n");
});

Deno.test("renderPage() says that a test failed though its guest runs on", () => {
  const state = { tone: "fine", word: "running", detail: "fine" } as const;
  assertStringIncludes(renderPage(modelOf("word", { state })), '<span class="pill bad">failed</span>');
  assertFalse(
    renderPage(modelOf("word", { state, failure: null })).includes('<span class="pill bad">failed</span>'),
  );
});
