import type { ExitStatus } from "./verdict_types.ts";

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
  /** How QEMU ended; null when it never ran, and when it had to be ended because it did not become ready. */
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

/** A QEMU that an earlier process started is not the one that it was taken for. */
export class AdoptionError extends Error {
  override readonly name = "AdoptionError";
}

/**
 * The error for a QEMU that ended before it was ready: its own words first, then what is known to help.
 *
 * @param name The VM's name.
 * @param argv The command line.
 * @param exit How it ended.
 * @param stderr What it said.
 * @returns The error. Where it was only the starter (setpriv, setsid, a shell) that ended, QEMU never ran.
 */
export function earlyExitError(
  name: string,
  argv: readonly string[],
  exit: ExitStatus | null,
  stderr: string,
): LaunchError {
  const [, words] = exit?.code === 126 || exit?.code === 127
    ? /^(?:set(?:priv|sid): (?:failed to|can't) execute|sh:) .*: ([^:\n]*)$/m.exec(stderr) ?? []
    : [];
  if (words !== undefined) {
    const binary = argv[0] ?? "";
    const missing = exit?.code === 127;
    return new LaunchError(
      missing ? missingBinaryMessage(name, binary) : unusableBinaryMessage(name, binary, words),
      { argv, stderrTail: stderr },
    );
  }
  return new LaunchError(earlyExitMessage(name, exit, stderr), { argv, exit, stderrTail: stderr });
}

/** The message for a binary that is not there. */
export function missingBinaryMessage(name: string, binary: string): string {
  // One package for the architecture that most want; for all others the one that brings them all, whatever a system calls its parts.
  const [debian, fedora, arch] = /qemu-system-(?:x86_64|i386)$/.test(binary)
    ? ["qemu-system-x86", "qemu-system-x86", "qemu-base"]
    : ["qemu-system", "qemu", "qemu-full"];
  return `Cannot start VM "${name}": there is no ${binary} on this machine; install QEMU (Debian: apt-get install ${debian}, ` +
    `Fedora: dnf install ${fedora}, Arch: pacman -S ${arch}, macOS: brew install qemu), or name another binary`;
}

/** The message for a binary that is there and can't be executed. */
export function unusableBinaryMessage(name: string, binary: string, why: string): string {
  return `Cannot start VM "${name}": ${binary} can't be executed (${why}); make it executable, or name another binary`;
}

function earlyExitMessage(name: string, exit: ExitStatus | null, stderr: string): string {
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
    /invalid option|Invalid parameter '|Property '.*' not found|Parameter '.*' is unexpected|does not (accept value|support the option) '/,
    "This QEMU is too old for the option, was built without it, or it is misspelt: see its version with --version; for a newer one " +
    "install this year's package (Debian 12: apt-get install -t bookworm-backports qemu-system-x86), or name another binary",
  ],
  [/Address already in use/, "Leave the host port out (or 0), and QEMU chooses a free one"],
  [/cannot set up guest memory|Cannot allocate memory/, "The host has too little memory for memoryMiB"],
];

function hintFor(stderr: string): string | null {
  return HINTS.find(([pattern]) => pattern.test(stderr))?.[1] ?? null;
}

/**
 * The guest did not say what it was expected to, in the time that it had.
 *
 * @example
 * ```ts
 * import { ConsoleTimeoutError } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ConsoleTimeoutError("login:", 5000, "Booting");
 * assertEquals(
 *   error.message,
 *   'The guest did not say "login:" on its console within 5000 ms; since the last match it said "Booting"',
 * );
 * ```
 */
export class ConsoleTimeoutError extends Error {
  override readonly name = "ConsoleTimeoutError";
  /** What was waited for. */
  readonly pattern: string | RegExp;
  /** What the guest said since the last match. */
  readonly heard: string;

  /**
   * @param pattern What was waited for.
   * @param timeoutMs How long, in milliseconds.
   * @param heard What the guest said since the last match.
   */
  constructor(pattern: string | RegExp, timeoutMs: number, heard: string) {
    super(
      `The guest did not say ${
        showPattern(pattern)
      } on its console within ${timeoutMs} ms; since the last match it said ${quoteEnd(heard)}`,
    );
    this.pattern = pattern;
    this.heard = heard;
  }
}

/**
 * The console has ended, which it does with QEMU.
 *
 * @example
 * ```ts
 * import { ConsoleClosedError, launch } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" });
 * await vm.kill();
 * await assertRejects(async () => await vm.console?.expect("login:"), ConsoleClosedError);
 * ```
 */
export class ConsoleClosedError extends Error {
  override readonly name = "ConsoleClosedError";
  /** What the guest said since the last match. */
  readonly heard: string;

  /**
   * @param attempt What could not be done: `write to the console`.
   * @param heard What the guest said since the last match.
   * @param options `cause`, if there is one.
   */
  constructor(attempt: string, heard: string, options?: ErrorOptions) {
    super(
      `Cannot ${attempt}: the console has ended, as it does with QEMU; since the last match the guest said ${
        quoteEnd(heard)
      }`,
      options,
    );
    this.heard = heard;
  }
}

/** A pattern as one writes it in TypeScript. */
export function showPattern(pattern: string | RegExp): string {
  return typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern);
}

function quoteEnd(text: string): string {
  if (text === "") return "nothing";
  const end = text.slice(-SHOWN_CHARS);
  return `${end.length < text.length ? "..." : ""}${JSON.stringify(end)}`;
}

/** An exit in words. */
function describeExit(exit: ExitStatus | null): string {
  if (exit === null) return "its exit status is not known";
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}
