import { assertMatch } from "@std/assert";
import { killIfThere } from "./_kill_if_there.ts";

/** The command's file. */
export const main: string = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** util-linux's `script` gives a command a terminal; other systems' takes other options. */
export const script: boolean = Deno.build.os === "linux"
  ? await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false)
  : false;
if (!script) {
  const why = "the tests of qeeper on a terminal need script, of util-linux";
  if (Deno.env.get("CI") === "true") throw new Error(`Cannot run: ${why}`);
  // deno-lint-ignore no-console -- a test that can't run says so
  console.warn(`Not run: ${why}`);
}

/** The longest that a terminal is there; then it hangs up, which ends every wait. */
const LIMIT_MS = 30_000;

/** A shell command on a terminal of its own. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** What stands on it. */
  screen = "";

  constructor(line: string, environment: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", line, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      env: { NO_COLOR: "1", DENO: Deno.execPath(), ...environment },
    }).spawn();
    this.#timer = setTimeout(() => this.#hangUp(), LIMIT_MS);
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async type(keys: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(keys));
  }

  /** Waits until something stands on it. */
  async until(text: string): Promise<void> {
    while (!this.screen.includes(text)) {
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new Error(
          `Cannot find ${JSON.stringify(text)} on the terminal, which ended with:\n${this.screen}`,
        );
      }
      this.screen += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#hangUp();
    await this.#reader.cancel();
    await this.#writer.close().catch(() => {}); // the pipe broke with it
    await this.#child.status;
  }

  /** The terminal goes with the program that gives it; whatever runs on it gets a SIGHUP from the kernel. */
  #hangUp(): void {
    killIfThere(this.#child, "SIGKILL");
  }
}

/** Runs the command, then says its exit code and how the terminal is. The shell itself is not to die of Ctrl-C. */
export const line = (args: string): string =>
  `trap : INT; "$DENO" run -A ${main} ${args}; echo "code=$?"; stty -a; echo end`;

/** The terminal echoes, waits for whole lines, and makes signals of Ctrl-C and its like. */
export function assertCooked(screen: string): void {
  const settings = screen.slice(screen.indexOf("code="));
  for (const setting of ["icanon", "echo", "isig", "icrnl"]) {
    assertMatch(settings, new RegExp(`(?:^|\\s)${setting}\\b`));
  }
}
