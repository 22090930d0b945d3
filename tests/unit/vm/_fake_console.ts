import { type ByteTransport, EventStream } from "../../../src/qmp/mod.ts";

/** The other end of a console: what the guest says, and what it was told. */
export class FakeGuest {
  readonly #said = new EventStream<Uint8Array>({ capacity: 100_000 });
  #rest: Uint8Array = new Uint8Array(0);
  #closed = false;
  /** What came, write by write. */
  readonly heard: string[] = [];
  /** While it is deaf, nothing can be written. */
  #deaf: PromiseWithResolvers<void> | null = null;

  /** The transport to it. */
  readonly transport: ByteTransport = {
    address: "a guest",
    read: (buffer) => this.#read(buffer),
    write: (bytes) => this.#write(bytes),
    close: () => {
      this.#closed = true;
      this.#said.end();
      this.#deaf?.reject(new Deno.errors.Interrupted("closed"));
      return Promise.resolve();
    },
  };

  /** Says something, and lets the console hear it. */
  async say(text: string | Uint8Array): Promise<void> {
    this.#said.push(typeof text === "string" ? new TextEncoder().encode(text) : text);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Says many things at once. */
  sayAll(chunks: Iterable<Uint8Array>): void {
    for (const chunk of chunks) this.#said.push(chunk);
  }

  /** Ends, well or badly. */
  end(error?: Error): void {
    this.#said.end(error);
  }

  goDeaf(): void {
    this.#deaf = Promise.withResolvers<void>();
    this.#deaf.promise.catch(() => {});
  }

  listen(): void {
    this.#deaf?.resolve();
    this.#deaf = null;
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const { value, done } = await this.#said.next();
      if (done) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, buffer.length);
    buffer.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new Deno.errors.BadResource("closed");
    await this.#deaf?.promise;
    this.heard.push(new TextDecoder().decode(bytes));
  }
}
