/**
 * Where two texts begin to differ, in words.
 *
 * @param expected What should be there.
 * @param actual What is there; null when there is nothing.
 * @returns What is wrong, or null when nothing is.
 */
export function firstDifference(expected: string, actual: string | null): string | null {
  if (actual === null) return "is missing";
  if (expected === actual) return null;
  const wanted = expected.split("\n");
  const found = actual.split("\n");
  const at = wanted.findIndex((line, index) => line !== found[index]);
  if (at === -1) return `goes on after line ${wanted.length}, where it should end`;
  return `line ${at + 1} is ${quote(found[at])} and should be ${quote(wanted[at])}`;
}

function quote(line: string | undefined): string {
  return line === undefined ? "missing" : JSON.stringify(line.slice(0, 100));
}
