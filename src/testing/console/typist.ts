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
  let base = console.place;
  let patienceMs = FIRST_PATIENCE_MS;
  for (let attempt = 1;; attempt++) {
    const pieces = attempt === 1 ? [line] : [...line];
    let echoed = true;
    for (let typed = ""; echoed && typed.length < line.length;) {
      const piece = pieces[attempt === 1 ? 0 : [...typed].length] ?? "";
      await console.write(piece);
      typed += piece;
      const heard = () => isEchoOf(typed, console.from(base));
      while (!(echoed = heard()) && left() > 0) {
        if (!await console.change(Math.min(patienceMs, Math.max(1, left())))) break;
      }
    }
    if (echoed) return;
    const heard = console.from(base);
    const fail = () => {
      throw new ConsoleEchoError(line, {
        heard,
        attempts: attempt,
        elapsedMs: Math.round(console.now() - begun),
      });
    };
    if (left() <= 0) fail();
    patienceMs = Math.min(patienceMs * 2, MAX_PATIENCE_MS);
    const erased = console.place;
    await console.write(erase);
    while (left() > 0 && await console.change(Math.min(ERASED_MS, Math.max(1, left()))));
    // A guest that shows it has not obeyed: what it has now is no longer what was meant.
    if (isEraseShown(erase, console.from(erased))) fail();
    base = console.place;
  }
}
