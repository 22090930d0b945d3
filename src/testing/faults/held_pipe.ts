/** How many bytes the mark has that is written behind QEMU's last byte. */
const MARK_BYTES = 16;

/** A pipe that QEMU writes into, which holds it up until the pipe is emptied. */
export class HeldPipe {
  /** Whether something was written, rather than the command coming to its end first. */
  readonly begun: Promise<boolean>;
  /** Resolves when QEMU's command has ended, in whatever way, and nothing is read any more. */
  readonly ended: Promise<void>;
  readonly #reader: Deno.FsFile;
  readonly #first: Promise<void>;
  /** Written once QEMU's command has ended, so that whoever reads comes to an end: this side has the pipe open for writing too. */
  readonly #mark: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(MARK_BYTES));
  /** The last bytes that were read. */
  #tail: number[] = [];
  #saving: "under way" | "over" = "under way";
  #reading: "first" | "nothing" | "all" = "first";
  #emptying: Promise<void> | null = null;

  /**
   * @param reader The pipe, open for reading.
   * @param writer The same, open for writing.
   * @param saving QEMU's command, which writes into it.
   */
  constructor(reader: Deno.FsFile, writer: Deno.FsFile, saving: Promise<unknown>) {
    this.#reader = reader;
    this.#first = this.#take(1).then(() => {
      if (this.#reading === "first") this.#reading = "nothing";
    });
    const over = saving.catch(() => {}).then(async () => {
      this.#saving = "over";
      // While nobody reads it may be full.
      if (this.#reading !== "nothing") await writer.write(this.#mark);
    });
    this.begun = Promise.race([this.#first.then(() => this.#saving === "under way"), over.then(() => false)]);
    this.ended = over.then(async () => {
      await this.#first;
      await this.#emptying;
    });
  }

  /** Reads all that QEMU writes. */
  empty(): void {
    if (this.#saving === "over") return;
    this.#reading = "all";
    this.#emptying ??= this.#readOn();
  }

  async #readOn(): Promise<void> {
    await this.#first;
    while (!this.#mark.every((byte, index) => byte === this.#tail[index])) await this.#take(64 * 1024);
  }

  async #take(most: number): Promise<void> {
    const buffer = new Uint8Array(most);
    const count = await this.#reader.read(buffer) ?? 0;
    this.#tail = [...this.#tail, ...buffer.subarray(Math.max(0, count - MARK_BYTES), count)].slice(
      -MARK_BYTES,
    );
  }
}
