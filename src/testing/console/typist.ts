import { isEchoOf, isEraseShown } from "./echo.ts";
import { ConsoleEchoError } from "./errors.ts";

/** How long nothing may come before it is taken for lost, the first time, in milliseconds; each time it is twice as long. */
const FIRST_PATIENCE_MS = 500;
const MAX_PATIENCE_MS = 4000;
/** How long nothing comes once a guest has erased a line, in milliseconds. */
const ERASED_MS = 150;

/** The console as somebody sees it who types on it. */
export interface TypistConsole {
  /** Sends characters. */
  write(text: string): Promise<void>;
  /** How much plain text the guest has said, without the kernel's lines. */
  readonly place: number;
  /** What it has said from a place on. */
  from(place: number): string;
  /** Waits until it says more; returns whether it did in time. Throws when the guest has failed, or on a signal. */
  change(ms: number): Promise<boolean>;
  /** The time, in milliseconds. */
  now(): number;
}

/**
 * Types a line, without Enter, until the guest has echoed all of it. What got lost is typed again: the line is erased, and then typed
 * character by character, each of which has to come back before the next one goes.
 *
 * @param console The console.
 * @param line The line.
 * @param options `erase`: what erases a line in this guest; `timeoutMs`: how long it may take in all.
 * @throws {ConsoleEchoError} When the echo did not come in time, or when the line can't be erased.
 */
export async function typeLine(
  console: TypistConsole,
  line: string,
  { erase, timeoutMs }: { erase: string; timeoutMs: number },
): Promise<void> {
  const begun = console.now();
  const left = () => timeoutMs - (console.now() - begun);
  /** Waits for a change, within what is left. */
  const change = async (ms: number) => left() > 0 && await console.change(Math.min(ms, left()));
  let base = console.place;
  /** Where the first attempt at erasing the line began. */
  let erased: number | null = null;
  let patienceMs = FIRST_PATIENCE_MS;
  for (let attempt = 1;; attempt++) {
    // Once something got lost each character has to come back before the next one goes.
    const echoed = await typePieces(attempt === 1 ? [line] : [...line], {
      console,
      base,
      wait: () => change(patienceMs),
    });
    const heard = console.from(base);
    const fail = () => {
      const elapsedMs = Math.round(console.now() - begun);
      throw new ConsoleEchoError(line, { heard, attempts: attempt, elapsedMs });
    };
    // A guest that shows it has not obeyed: what it has now is not what was meant, whatever it echoes.
    const refused = () => erased !== null && isEraseShown(erase, console.from(erased));
    if (refused()) fail();
    if (echoed) return;
    if (left() <= 0) fail();
    patienceMs = Math.min(patienceMs * 2, MAX_PATIENCE_MS);
    erased ??= console.place;
    await console.write(erase);
    // Where there was something to erase, something is shown; a guest without time shows it late.
    for (let waitMs = heard === "" ? ERASED_MS : patienceMs; await change(waitMs);) waitMs = ERASED_MS;
    if (refused()) fail();
    base = console.place;
  }
}

/** Types the pieces of a line, each when the one before has come back; returns whether all of them have. */
async function typePieces(
  pieces: readonly string[],
  { console, base, wait }: { console: TypistConsole; base: number; wait: () => Promise<boolean> },
): Promise<boolean> {
  let typed = "";
  for (const piece of pieces) {
    await console.write(piece);
    typed += piece;
    while (!isEchoOf(typed, console.from(base))) if (!await wait()) return false;
  }
  return true;
}
