/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/** A line of a secret is a secret by itself from this length on: shorter ones say too little, and would be found everywhere. */
const MIN_LINE_CHARS = 8;

/** A base64 text of fewer characters would be found in what has nothing to do with the secret. */
const MIN_BASE64_CHARS = 6;

/** Takes secrets out of a text. */
export type Redactor = (text: string) => string;

/**
 * Makes what takes secrets out of texts. A secret that is given as a text is found as it is, and in the forms that it takes on its way:
 * escaped as in JSON (QEMU's replies have no character beyond ASCII), with its commas doubled as in QEMU's options, percent-encoded as in a
 * URL, and inside of anything that was encoded in base64. A regular expression is applied to texts as they are.
 *
 * @param secrets Texts and regular expressions; empty texts are none.
 * @returns What replaces each of them by `[redacted]`.
 */
export function makeRedactor(secrets: readonly (string | RegExp)[]): Redactor {
  const texts = secrets.filter((secret) => typeof secret === "string").flatMap(withItsLines).flatMap(formsOf);
  // Where one form begins another, the longer one has to be found first.
  const forms = [...new Set(texts)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
  const patterns = secrets.filter((secret) => secret instanceof RegExp)
    .map(({ source, flags }) => new RegExp(source, flags.replace(/[gy]/g, "") + "g"));
  if (forms.length > 0) patterns.unshift(new RegExp(forms.map(RegExp.escape).join("|"), "g"));
  if (patterns.length === 0) return (text) => text;
  const hide = (found: string) => found === "" ? "" : REDACTED;
  return (text) => patterns.reduce((rest, pattern) => rest.replace(pattern, hide), text);
}

/**
 * Takes secrets out of every text of a value, names of members included.
 *
 * @param value Anything that JSON has.
 * @param redact Takes them out of one text.
 * @returns The same without them.
 */
export function redactDeep(value: unknown, redact: Redactor): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => redactDeep(member, redact));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [redact(name), redactDeep(member, redact)]),
  );
}

/**
 * Takes out of a QMP message's text what is a secret by its name: passwords, and the data of `secret` objects.
 *
 * @param text A message as it went over the wire.
 * @returns The same without them.
 */
export function redactQmp(text: string): string {
  const holdsSecretObject = /"(?:qom-type|property)"\s*:\s*"(?:secret|data)/.test(text);
  const names = holdsSecretObject
    ? "password|passwd|passphrase|cookie|data|value"
    : "password|passwd|passphrase|cookie";
  const members = new RegExp(`("(?:${names})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, "g");
  return text.replace(members, `$1"${REDACTED}"`);
}

/** A key of many lines is seen line by line on a console. */
function withItsLines(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return [secret, ...(lines.length > 1 ? lines.filter((line) => line.length >= MIN_LINE_CHARS) : [])];
}

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const asciiUpper = ascii.replace(/\\u[0-9a-f]{4}/g, (escape) => `\\u${escape.slice(2).toUpperCase()}`);
  return [
    secret,
    json,
    ascii,
    asciiUpper,
    secret.replaceAll(",", ",,"),
    percentEncoded(secret),
    ...base64Forms(new TextEncoder().encode(secret)),
  ];
}

/** A lone surrogate has no such form. */
function percentEncoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}

/**
 * How bytes look inside of base64. Three bytes make four characters, so that depends on what is before them; the characters that hold a part
 * of a neighbour as well are left out.
 */
function base64Forms(bytes: Uint8Array): string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const text = btoa(String.fromCharCode(...padded));
    const from = before === 0 ? 0 : before + 1;
    const whole = Math.floor(padded.length * 8 / 6);
    const core = text.slice(from, whole);
    if (core.length >= MIN_BASE64_CHARS) {
      forms.push(core, core.replaceAll("+", "-").replaceAll("/", "_"));
    }
  }
  return forms;
}
