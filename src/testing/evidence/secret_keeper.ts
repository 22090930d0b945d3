import { Redactor as ConsoleRedactor } from "../console/redaction.ts";
import { makeRedactor, type Redactor } from "./redactor.ts";

/** What takes secrets out of texts, by what the texts are. */
export interface SecretKeeper {
  /** Of any text. */
  readonly hide: Redactor;
  /** Of what a console said, in which kernel lines and colours may break into a secret. */
  readonly hideInConsole: Redactor;
}

/**
 * Makes it.
 *
 * @param secrets Texts and regular expressions; empty texts are none.
 * @returns What hides them.
 */
export function keepSecrets(secrets: readonly (string | RegExp)[]): SecretKeeper {
  const hide = makeRedactor(secrets);
  const console = new ConsoleRedactor(secrets.filter((secret) => secret !== ""));
  return { hide, hideInConsole: (raw) => hide(console.redactConsole(raw)) };
}
