/** What an option's value can be: a list repeats the key, booleans become `on` and `off`, undefined is left out. */
export type OptionValue = string | number | boolean | readonly string[] | undefined;

/**
 * Spells one of QEMU's option arguments, `head,key=value,key=value`. In QEMU's syntax a comma ends a value unless it is
 * doubled, and nothing else is special: quotes, spaces and equals signs stand for themselves.
 *
 * @param head The word before the pairs (a type or a driver), or undefined where the option has none. No text of the user's with an equals sign:
 * that would make a pair of it.
 * @param values The pairs, written in their order.
 * @returns One argument.
 */
export function formatOption(
  head: string | undefined,
  values: Readonly<Record<string, OptionValue>>,
): string {
  const words = head === undefined ? [] : [escapeCommas(head)];
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) words.push(`${key}=${formatValue(one)}`);
  }
  return words.join(",");
}

function formatValue(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return escapeCommas(String(value));
}

/**
 * Doubles the commas of a value, so that QEMU reads it as one.
 *
 * @param value Any text.
 * @returns The text as it stands in an option argument.
 */
export function escapeCommas(value: string): string {
  return value.replaceAll(",", ",,");
}
