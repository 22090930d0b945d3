import type { ConsoleChannel, Expectations, Stretch } from "./expectations.ts";
import type { FailureWatch } from "./failure_watch.ts";
import type { ClassifiedFailure, FailureName } from "./failures.ts";

/** An oops is whole when nothing more of it has come for so long; and then it has been waited for long enough. In milliseconds. */
const QUIET_MS = 40;
const MAX_MS = 400;
/** A panic says where it ends, so that a host that is short of time may hold it up for longer. In milliseconds. */
const PANIC_QUIET_MS = 200;
const PANIC_MAX_MS = 1000;

/** A failure of which more may come. */
interface Settling {
  /** Where it was said. */
  readonly stretch: Stretch;
  /** What it was when somebody got just what he waited for by it; it may still come to something worse. */
  readonly wanted: FailureName | null;
  quiet: ReturnType<typeof setTimeout> | undefined;
  readonly cap: ReturnType<typeof setTimeout>;
}

/** What a settler works on. */
export interface FailureSettlerParts {
  /** What knows failures, and gathers what belongs to them. */
  readonly watch: FailureWatch;
  /** Those who wait. */
  readonly expectations: Expectations;
  /** Told of a failure that nobody wanted, once it is whole. */
  readonly report: (failure: ClassifiedFailure) => void;
  /** Gives those who wait what they may have again, after a failure that was none. */
  readonly serve: () => void;
}

/**
 * Waits, once a guest has told of a failure, until all that belongs to it is there, and then decides whether it is one: not if somebody
 * waits for just that, or has allowed it. Until then nobody gets what was said after it.
 */
export class FailureSettler {
  readonly #parts: FailureSettlerParts;
  /** Failures that a test wants, as often as it said so. */
  readonly #allowed: FailureName[] = [];
  #settling: Settling | null = null;
  /** A failure has been reported: what came after it is nobody's for good. */
  #reported: "yes" | "no" = "no";

  /** @param parts What it works on. */
  constructor(parts: FailureSettlerParts) {
    this.#parts = parts;
  }

  /** Takes these failures for none, until what it returns is disposed of. */
  allow(names: readonly FailureName[]): Disposable {
    const allowed = [...names];
    this.#allowed.push(...allowed);
    return {
      [Symbol.dispose]: () => {
        // What has begun meanwhile is allowed too, though its end may never come: a guest that QEMU holds says no more.
        if (allowed.some((name) => name === this.#parts.watch.gathered?.name)) this.settle();
        for (const name of allowed.splice(0)) this.#allowed.splice(this.#allowed.indexOf(name), 1);
      },
    };
  }

  /**
   * A failure has begun.
   *
   * @param stretch Where it was said, and up to where somebody may have it who waits for it.
   */
  start(stretch: Stretch): void {
    // One that is another's end has it decided first.
    this.settle();
    const { watch, expectations } = this.#parts;
    const match = expectations.lastMatch;
    const got = match?.channel === stretch.channel && match.to > stretch.from;
    const name = watch.gathered?.name ?? null;
    const wanted = got ? name : null;
    if (wanted === null && this.#reported === "no") expectations.limit(expectations.place);
    const cap = setTimeout(() => this.settle(), name === "kernel-panic" ? PANIC_MAX_MS : MAX_MS);
    this.#settling = { stretch, wanted, quiet: undefined, cap };
    this.more(stretch.channel);
  }

  /** More has come that may belong to what is being told. */
  more(channel: ConsoleChannel): void {
    const settling = this.#settling;
    if (settling?.stretch.channel !== channel) return;
    clearTimeout(settling.quiet);
    const quietMs = this.#parts.watch.gathered?.name === "kernel-panic" ? PANIC_QUIET_MS : QUIET_MS;
    settling.quiet = setTimeout(() => this.settle(), quietMs);
  }

  /** Decides with what there is. */
  settle(): void {
    const settling = this.#settling;
    if (settling === null) return;
    this.#settling = null;
    clearTimeout(settling.quiet);
    clearTimeout(settling.cap);
    const { watch, expectations, report, serve } = this.#parts;
    const found = watch.take();
    const wanted = found !== null && settling.wanted === found.name ||
      expectations.serveWanted(settling.stretch);
    if (found !== null && !wanted && !this.#allowed.includes(found.name)) {
      this.#reported = "yes";
      report(found);
      return;
    }
    if (this.#reported === "no") expectations.limit(null);
    serve();
  }
}
