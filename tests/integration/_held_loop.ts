import type { Vm } from "../../mod.ts";

/** How much of the guest's memory is written: more than a pipe holds. */
const BYTES = 1024 * 1024;

/**
 * A main loop that is held up for exactly as long as a test wants: QEMU writes the guest's memory to a pipe that nobody reads.
 */
export class HeldLoop implements AsyncDisposable {
  readonly #pipe: string;
  readonly #saving: Promise<unknown>;
  #state: "held" | "free" = "held";

  private constructor(pipe: string, saving: Promise<unknown>) {
    this.#pipe = pipe;
    this.#saving = saving;
  }

  static async begin(vm: Vm): Promise<HeldLoop> {
    const pipe = await Deno.makeTempFile({ prefix: "qeeper-pipe-" });
    await Deno.remove(pipe);
    const { success } = await new Deno.Command("mkfifo", { args: [pipe] }).output();
    if (!success) throw new Error(`Could not make the pipe ${pipe}`);
    return new HeldLoop(pipe, vm.qmp.execute("pmemsave", { val: 0, size: BYTES, filename: pipe }));
  }

  /** Lets it go on. */
  async free(): Promise<void> {
    if (this.#state === "free") return;
    this.#state = "free";
    using file = await Deno.open(this.#pipe);
    const buffer = new Uint8Array(64 * 1024);
    while (await file.read(buffer) !== null);
    await this.#saving.catch(() => {}); // QEMU may have been killed
    await Deno.remove(this.#pipe);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.free();
  }
}
