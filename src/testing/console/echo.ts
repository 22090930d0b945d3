/**
 * Whether what a guest said since a line was typed is the line's echo.
 *
 * A late prompt may stand before it, and line editors do things of their own at the terminal's right margin: readline writes a blank and a
 * carriage return there, busybox the next character and a backspace, others a line end.
 *
 * @param line What was typed.
 * @param heard What the guest said since, as plain text without the kernel's lines.
 * @returns Whether all of the line is there, in order, and nothing after it.
 */
export function isEchoOf(line: string, heard: string): boolean {
  // At the margin: the cursor is brought to the next line by a blank, or a character, that is then written over.
  // deno-lint-ignore no-control-regex -- a backspace is what a terminal wraps a line with
  const unwrapped = heard.replace(/ \r(?!\n)/g, "").replace(/([^\x08])\x08(?=\1)/g, "");
  return [lastLine(unwrapped), unwrapped.replaceAll("\n", "")].some((text) => edit(text).endsWith(line));
}

/**
 * Whether the guest has shown the control character that was to erase the line, which means that it did not obey it.
 *
 * @param erase What was sent.
 * @param heard What the guest said then.
 */
export function isEraseShown(erase: string, heard: string): boolean {
  const caret = [...erase].map((char) => `^${String.fromCharCode(char.charCodeAt(0) ^ 0x40)}`).join("");
  return heard.includes(erase) || heard.includes(caret);
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}

/** What a line looks like once backspaces and carriage returns have done their work. */
function edit(text: string): string {
  if (!/[\b\r]/.test(text)) return text;
  const shown: string[] = [];
  let column = 0;
  for (const char of text) {
    if (char === "\b") column = Math.max(0, column - 1);
    else if (char === "\r") column = 0;
    else shown[column++] = char;
  }
  // What was gone back over and not written again is no longer meant: the cursor says where the line ends.
  return shown.slice(0, column).join("");
}
