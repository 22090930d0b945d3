import { formatJson, oneLine } from "../text.ts";
import { withoutSecrets } from "./language/secrets.ts";

/** Writes down what is said on a monitor. */
export interface Transcript extends AsyncDisposable {
  /** A message to QEMU. */
  sent(message: object): void;
  /** A message from QEMU. */
  received(message: object): void;
  /** Something else that a reader should know. */
  note(text: string): void;
}

/** For those who want none. */
export const NO_TRANSCRIPT: Transcript = {
  sent() {},
  received() {},
  note() {},
  async [Symbol.asyncDispose]() {},
};

/**
 * Appends to a file, which is made for its owner only if it is not there: a line for each message, with its time, `>` for what is sent and `<`
 * for what is received, and the message as JSON. Passwords and other secrets are left out, and
 * so is what the shell asks for itself, the schema.
 *
 * @param path The file.
 * @param onFailure Told once, when it can't be written to any further.
 * @returns The transcript, to be disposed of.
 * @throws When the file can't be opened.
 */
export async function openTranscript(path: string, onFailure: (error: Error) => void): Promise<Transcript> {
  const file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  return new FileTranscript(file, onFailure);
}

class FileTranscript implements Transcript {
  readonly #file: Deno.FsFile;
  readonly #onFailure: (error: Error) => void;
  #written: Promise<void> = Promise.resolve();
  #state: "open" | "failed" = "open";

  constructor(file: Deno.FsFile, onFailure: (error: Error) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  sent(message: object): void {
    this.#write(">", formatJson(withoutSecrets(message)));
  }

  received(message: object): void {
    this.#write("<", formatJson(withoutSecrets(message)));
  }

  note(text: string): void {
    this.#write("#", oneLine(text));
  }

  /** Writes the rest, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
    this.#file.close();
  }

  #write(mark: string, text: string): void {
    const bytes = new TextEncoder().encode(`${new Date().toISOString()} ${mark} ${text}\n`);
    this.#written = this.#written.then(async () => {
      if (this.#state === "failed") return;
      // One write a line as a rule, so that two shells that write to one file don't cut each other's lines.
      for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
    }).catch((error) => {
      this.#state = "failed";
      this.#onFailure(error instanceof Error ? error : new Error(String(error)));
    });
  }
}
