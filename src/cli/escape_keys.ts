const CTRL_A = 0x01;
const X = 0x78;

/** What a person's keys come to. */
export interface Keys {
  /** What goes to the guest. */
  readonly send: Uint8Array;
  /** How often Ctrl-A x was pressed. */
  readonly ends: number;
  /** The last key was a Ctrl-A, and the next one decides what it means. */
  readonly armed: boolean;
}

/**
 * Takes the escape sequences out of what was typed: Ctrl-A x asks for the end, Ctrl-A Ctrl-A is one Ctrl-A for the guest. Ctrl-A and
 * anything else is sent as it is.
 *
 * @param armed Whether the key before was a Ctrl-A, as the last call said.
 * @param typed What came since.
 * @returns What to do.
 */
export function readKeys(armed: boolean, typed: Uint8Array): Keys {
  const send: number[] = [];
  let ends = 0;
  for (const key of typed) {
    if (!armed) {
      if (key === CTRL_A) armed = true;
      else send.push(key);
      continue;
    }
    armed = false;
    if (key === X) ends++;
    else if (key === CTRL_A) send.push(CTRL_A);
    else send.push(CTRL_A, key);
  }
  return { send: Uint8Array.from(send), ends, armed };
}
