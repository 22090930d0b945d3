import { type Markup, markup } from "./markup.ts";

/**
 * A part of the page, with its heading.
 *
 * @param id What a link names it by.
 * @param title The heading.
 * @param about A few words beside it; empty for none.
 * @param content What is in it.
 * @param look A class of the style; empty for none.
 * @returns The part.
 */
export function section(id: string, title: string, about: string, content: Markup, look = ""): Markup {
  const aside = about === "" ? null : markup`<p>${about}</p>`;
  return markup`<section id="${id}" class="${look}" aria-labelledby="${id}-title">
<div class="head"><h2 id="${id}-title">${title}</h2>${aside}</div>
${content}
</section>
`;
}

/**
 * A part of the page that is folded until somebody wants to read it.
 *
 * @param id What a link names it by.
 * @param title The heading.
 * @param about A few words beside it.
 * @param text What is in it; null for no such part.
 * @returns The part.
 */
export function foldedSection(id: string, title: string, about: string, text: string | null): Markup | null {
  if (text === null) return null;
  return markup`<section id="${id}" aria-labelledby="${id}-title">
<details class="fold"><summary><h2 id="${id}-title">${title}</h2> <span class="right">${about}</span></summary>
${box(title, text, "wide")}
</details>
</section>
`;
}

/**
 * A text in a box that scrolls by itself. It can be reached and scrolled by keyboard.
 *
 * @param name What it is, for those who do not see it.
 * @param text The text.
 * @param lines `wrap` long ones, or leave them `wide`, where columns count.
 * @returns The box.
 */
export function box(name: string, text: string, lines: "wrap" | "wide" = "wrap"): Markup {
  return markup`<div class="scroll ${lines}" tabindex="0" role="region" aria-label="${name}"><pre>${text}</pre></div>`;
}

/** A time as the page has it, from the record's beginning. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** A time as machines read it. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** A link to a file beside the page. A name that holds a colon would be taken for a scheme. */
export function fileLink(name: string): string {
  return `./${encodeURIComponent(name)}`;
}
