import { abortable } from "@std/async/abortable";
import { assertTimeout, Limit } from "../../qmp/limit.ts";
import type { Verdict, VerdictCause, Vm } from "../../vm/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import type { GuestWatch } from "./guest_watch.ts";
import type { ExpectEndOptions } from "./test_vm.ts";

/** How long `expectEnd` waits unless it is told otherwise, in milliseconds. */
const DEFAULT_MS = 60_000;
/** How long an end may take to be seen after what brings it about has broken over it, in milliseconds. */
const AFTERMATH_MS = 5_000;

/** What an end is waited for with. */
export interface EndWait {
  vm: Vm;
  watch: GuestWatch;
  causes: readonly VerdictCause[];
  action: ((signal: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Waits for an end of the guest, or of QEMU, that is wanted.
 *
 * @param wait The VM, which ends, and what brings them about.
 * @param options Time limit and signal.
 * @returns The verdict.
 * @throws {Error} When it does not come in time, or has come before; what the action throws when no end follows.
 */
export async function expectEnd(wait: EndWait, options: ExpectEndOptions): Promise<Verdict> {
  const { vm, watch, causes, action } = wait;
  const { timeoutMs = DEFAULT_MS } = options;
  assertTimeout(timeoutMs);
  if (watch.ended !== null) {
    throw new Error(
      `Cannot wait for VM "${vm.name}" to end by ${
        causes.join(" or ")
      }: it has ended already (${watch.ended.cause})`,
    );
  }
  const late = () =>
    new Error(`VM "${vm.name}" did not end by ${causes.join(" or ")} within ${timeoutMs} ms`);
  using limit = new Limit(timeoutMs, late, options.signal);
  using expectation = watch.expect(causes);
  const over = new AbortController();
  const acting = act(action, AbortSignal.any([over.signal, limit.signal]));
  try {
    return await abortable(Promise.race([expectation.end, broken(acting, expectation.end)]), limit.signal);
  } finally {
    // What is still under way waits for a guest that has ended.
    over.abort(new Error("The guest has ended, as it was expected to"));
    await acting.catch(() => {});
  }
}

/** An async function, so that an action that throws at once is a rejection like any other. */
async function act(action: EndWait["action"], signal: AbortSignal): Promise<void> {
  if (action) await abortable(Promise.resolve(action(signal)), signal);
}

/** Never resolves before the end; rejects when the action has failed, and not because of the end that it brought about. */
async function broken(acting: Promise<void>, end: Promise<Verdict>): Promise<Verdict> {
  try {
    await acting;
  } catch (error) {
    if (!await inTime(end, AFTERMATH_MS)) throw error;
  }
  return await end;
}
