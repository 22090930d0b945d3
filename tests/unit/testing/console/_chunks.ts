import fc from "fast-check";

/** A text in chunks that it may be cut into, in any way. */
export function cuts(text: fc.Arbitrary<string>): fc.Arbitrary<{ text: string; chunks: string[] }> {
  return fc.tuple(text, fc.array(fc.nat(), { maxLength: 12 })).map(([text, places]) => {
    const at = places.map((place) => place % (text.length + 1)).sort((a, b) => a - b);
    return { text, chunks: [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length)) };
  });
}

/** What programs write on a console: letters, line ends, brackets, numbers, escape sequences. */
export const programText: fc.Arbitrary<string> = fc.array(
  fc.constantFrom(
    ..."abc 10.[]<>\r\n\b\t",
    "login: ",
    "\r\n",
    "[",
    "[ ",
    "[    1.",
    "array[0]",
    "\x1b[1;32m",
    "\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b[K",
    "<6>",
    "é",
  ),
  { maxLength: 30 },
).map((parts) => parts.join(""));

/** A line of the kernel's log, with its line end. */
export const kernelLine: fc.Arbitrary<{ line: string; message: string; whole: string }> = fc.record({
  level: fc.constantFrom("", "<4>", "<12>"),
  microseconds: fc.nat(200_000_000_000),
  caller: fc.constantFrom("", "[    T1]", "[  C12]"),
  message: fc.constantFrom("", "eth0: link up", "a [0] b", "usb 1-1: <new> device", "[drm] ready", "100 %"),
  end: fc.constantFrom("\n", "\r\n"),
}).map(({ level, microseconds, caller, message, end }) => {
  const seconds = String(Math.floor(microseconds / 1_000_000)).padStart(5);
  const time = `[${seconds}.${String(microseconds % 1_000_000).padStart(6, "0")}]`;
  const line = `${level}${time}${caller} ${message}`;
  return { line, message, whole: line + end };
});
