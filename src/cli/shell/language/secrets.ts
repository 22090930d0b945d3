import { isObject } from "./json_text.ts";

/** What stands in the place of a secret. */
const HIDDEN = "<hidden>";

/** Members that are secrets wherever they stand. Those that end in -secret only name one. */
const SECRET_MEMBERS: ReadonlySet<string> = new Set(["password", "passwd", "passphrase", "cookie"]);

/** Objects whose data is one. */
const SECRET_OBJECT = /^secret/;

/**
 * Whether a line may hold a password or its like, so that it is better not kept. A name of a secret, as in `password-secret=sec0`, is none.
 *
 * @param line A line as it was typed, whole or not, right or wrong.
 * @returns Whether it may.
 */
export function holdsSecret(line: string): boolean {
  const text = line.replace(/\b(?:password|proxy-password|cookie|key)-secret\b/g, "");
  if (/passw(?:or)?d|passphrase|\bcookie\b/i.test(text)) return true;
  // The data of a secret object, set at its making or later, by either monitor.
  if (/\bobject[-_]add\b/.test(text) && /\bsecret/.test(text) && /\bdata\b/.test(text)) return true;
  if (/\bqom-set\b/.test(text) && /\bdata\b/.test(text)) return true;
  return /\bchange\b.*\bvnc\b/.test(text);
}

/**
 * A message without the secrets in it, to be written down.
 *
 * @param value A QMP message.
 * @returns The same, with `<hidden>` for each secret.
 */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  const hides = secretsOf(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, hides(name) ? HIDDEN : withoutSecrets(member)]),
  );
}

/**
 * Whether what a command returns is a secret.
 *
 * @param command The command.
 * @param args Its arguments.
 * @returns Whether it reads one.
 */
export function returnsSecret(command: string, args: Readonly<Record<string, unknown>>): boolean {
  return command === "qom-get" && isSecretProperty(args.property);
}

/** Which members of this object are secrets. */
function secretsOf(object: Readonly<Record<string, unknown>>): (name: string) => boolean {
  const { "qom-type": qomType, property, device, target } = object;
  const alsoHidden = new Set<string>();
  if (typeof qomType === "string" && SECRET_OBJECT.test(qomType)) alsoHidden.add("data");
  if (isSecretProperty(property)) alsoHidden.add("value");
  if (device === "vnc" && target === "password") alsoHidden.add("arg");
  const line = object["command-line"];
  if (typeof line === "string" && holdsSecret(line)) alsoHidden.add("command-line");
  return (name) => SECRET_MEMBERS.has(name) || alsoHidden.has(name);
}

function isSecretProperty(property: unknown): boolean {
  return typeof property === "string" && (property === "data" || SECRET_MEMBERS.has(property));
}
