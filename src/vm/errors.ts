import { describeExit, type ExitStatus } from "./verdict.ts";

/** How much of a console's text a message shows, in characters. */
const SHOWN_CHARS = 400;

/**
 * QEMU could not be started, or ended before it was ready. The message has QEMU's own words.
 *
 * @example
 * ```ts
 * import { launch, LaunchError } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(
 *   () => launch({ accel: "tcg", machine: "no-such-board" }),
 *   LaunchError,
 *   "unsupported machine type",
 * );
 * ```
 */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
  /** The command line that was tried. */
  readonly argv: readonly string[];
  /** How QEMU ended; null when it never ran. */
  readonly exit: ExitStatus | null;
  /** What QEMU said on stderr. */
  readonly stderrTail: string;

  /**
   * @param message What was attempted, on what, what was found, and what to do.
   * @param found The command line, the exit, stderr.
   * @param options `cause`, if there is one.
   */
  constructor(
    message: string,
    found: { argv: readonly string[]; exit?: ExitStatus | null; stderrTail?: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.argv = found.argv;
    this.exit = found.exit ?? null;
    this.stderrTail = found.stderrTail ?? "";
  }
}

/** The message for a QEMU that ended before it was ready: its own words first, then what is known to help. */
export function earlyExitMessage(name: string, exit: ExitStatus | null, stderr: string): string {
  const words = stderr.trim();
  const said = words === "" ? "it said nothing" : `it said:\n${words.replace(/^/gm, "  ")}`;
  const hint = hintFor(words);
  return `Cannot start VM "${name}": QEMU ended before it was ready (${describeExit(exit)}); ${said}${
    hint ? `\n${hint}` : ""
  }`;
}

/** What to do about the failures that people meet most. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /unsupported machine type|is not supported/,
    "List what this QEMU has with: qemu-system-ARCH -machine help",
  ],
  [/Could not access KVM kernel module/, 'Use accel: "tcg", or give this user access to /dev/kvm'],
  [
    /Failed to get "write" lock|Failed to get shared "write" lock/,
    "Another QEMU has this image open: stop it, or use snapshot: true on an image that both only read",
  ],
  [
    /is not a valid device model name|'.*' is not a valid device/,
    "This QEMU lacks the device: list its devices with -device help, or install the package with its modules",
  ],
  [
    /invalid option/,
    "This QEMU is too old for the option, or was built without it: see its version with --version",
  ],
  [/Address already in use/, "Leave the host port out (or 0), and QEMU chooses a free one"],
  [/cannot set up guest memory|Cannot allocate memory/, "The host has too little memory for memoryMiB"],
];

function hintFor(stderr: string): string | null {
  return HINTS.find(([pattern]) => pattern.test(stderr))?.[1] ?? null;
}

/** The guest did not say what it was expected to, in the time that it had. */
export class ConsoleTimeoutError extends Error {
  override readonly name = "ConsoleTimeoutError";
  /** What was waited for. */
  readonly pattern: string | RegExp;
  /** What the guest said since the last match. */
  readonly heard: string;

  constructor(pattern: string | RegExp, timeoutMs: number, heard: string) {
    super(
      `The guest did not say ${
        show(pattern)
      } on its console within ${timeoutMs} ms; since the last match it said ${quoteEnd(heard)}`,
    );
    this.pattern = pattern;
    this.heard = heard;
  }
}

/** The console ended, which it does with QEMU. */
export class ConsoleClosedError extends Error {
  override readonly name = "ConsoleClosedError";
  /** What the guest said since the last match. */
  readonly heard: string;

  constructor(attempt: string, heard: string) {
    super(
      `Cannot ${attempt}: QEMU has ended, and its console with it; since the last match the guest said ${
        quoteEnd(heard)
      }`,
    );
    this.heard = heard;
  }
}

function show(pattern: string | RegExp): string {
  return typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
}

function quoteEnd(text: string): string {
  if (text === "") return "nothing";
  const end = text.slice(-SHOWN_CHARS);
  return `${end.length < text.length ? "..." : ""}${JSON.stringify(end)}`;
}
