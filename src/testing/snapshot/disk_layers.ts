import { SnapshotError } from "./snapshot_error.ts";

/** `qemu-img`, which makes and copies images. */
export class DiskLayers {
  readonly #program: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param program What to run.
   * @param signal Ends what is being run.
   */
  constructor(program: string, signal?: AbortSignal) {
    this.#program = program;
    this.#signal = signal;
  }

  /**
   * Makes an empty layer over an image.
   *
   * @param base The image, an absolute path.
   * @param format Its format.
   * @param target The layer.
   */
  async over(base: string, format: string, target: string): Promise<void> {
    await this.#run(["create", "-q", "-f", "qcow2", "-b", base, "-F", format, target]);
  }

  /**
   * Copies what an image holds, with all that it is a layer over, into one file.
   *
   * @param image The image.
   * @param format Its format.
   * @param target The copy.
   */
  async copy(image: string, format: string, target: string): Promise<void> {
    await this.#run(["convert", "-q", "-f", format, "-O", "qcow2", image, target]);
  }

  async #run(args: readonly string[]): Promise<void> {
    const signal = this.#signal;
    signal?.throwIfAborted();
    try {
      const { success, stderr } = await new Deno.Command(this.#program, {
        args: [...args],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        ...(signal ? { signal } : {}),
      }).output();
      signal?.throwIfAborted();
      if (success) return;
      const said = new TextDecoder().decode(stderr).trim();
      throw new SnapshotError(`Cannot make a disk for a template: ${this.#program} ${args[0]} says: ${said}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new SnapshotError(
        `Cannot make a disk for a template: there is no ${this.#program}; install it (Debian: qemu-utils)`,
        { cause: error },
      );
    }
  }
}
