const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A piece of HTML: made by {@linkcode markup}, never of a text that came from elsewhere. */
export class Markup {
  readonly text: string;

  /** @param text HTML that is right as it is. */
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A template for HTML (formatters take one called `html` apart, and in text that is shown as it is each space counts): whatever is put into it is escaped unless it is HTML itself. Lists are put together; null is left out.
 *
 * @param parts The template's own text.
 * @param values What is put in between.
 * @returns The HTML.
 */
export function markup(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | null | readonly (Markup | null)[])[]
): Markup {
  return new Markup(
    parts.map((part, at) => at === 0 ? part : asHtml(values[at - 1] ?? null) + part).join(""),
  );
}

/**
 * A text as HTML has it. Characters that no text has (controls but tab and line ends) are shown as what stands for them, so that none of them
 * means anything to a browser.
 *
 * @param text Any text.
 * @returns The text, escaped.
 */
export function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (found) => ENTITIES[found] ?? found).replace(
    CONTROLS,
    asSymbol,
  );
}

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

function asSymbol(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}

function asHtml(value: string | number | Markup | null | readonly (Markup | null)[]): string {
  if (value === null) return "";
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return `${value}`;
  if (value instanceof Markup) return value.text;
  return value.map((member) => member?.text ?? "").join("");
}
