/** What a language server answers with: a result, or an error. */
interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** The longest that an answer may take. */
const LIMIT_MS = 60_000;

/** Only what the open file imports is read, as in a project that uses this one, and not all files of the folder. */
const SETTINGS = { enable: true, lint: false, documentPreloadLimit: 0 };

/** `deno lsp`, as an editor talks to it: messages of JSON, each with its length before it. */
export class LanguageServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #reading: Promise<void>;
  #lastId = 0;

  private constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["lsp", "--quiet"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /**
   * Starts it in a folder.
   *
   * @param root The folder, whose `deno.json` counts.
   * @returns The server, once it has said what it can.
   */
  static async start(root: URL): Promise<LanguageServer> {
    const server = new LanguageServer();
    const workspaceFolders = [{ uri: root.href, name: "root" }];
    const capabilities = { workspace: { configuration: true, workspaceFolders: true } };
    await server.ask("initialize", {
      processId: Deno.pid,
      rootUri: root.href,
      workspaceFolders,
      initializationOptions: SETTINGS,
      capabilities,
    });
    await server.tell("initialized", {});
    return server;
  }

  /** Asks, and waits for the answer. */
  async ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    const timer = setTimeout(
      () => answer.reject(new Error(`Cannot wait for ${method}: no answer within ${LIMIT_MS} ms`)),
      LIMIT_MS,
    );
    try {
      await this.#send({ id, method, params });
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Says something that has no answer. */
  tell(method: string, params: unknown): Promise<void> {
    return this.#send({ method, params });
  }

  async #send(message: object): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    await this.#writer.write(new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`));
    await this.#writer.write(body);
  }

  async #read(): Promise<void> {
    let bytes = new Uint8Array(0);
    for await (const chunk of this.#child.stdout) {
      const joined = new Uint8Array(bytes.length + chunk.length);
      joined.set(bytes);
      joined.set(chunk, bytes.length);
      bytes = joined;
      for (;;) {
        const head = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
        const end = head.indexOf("\r\n\r\n") + 4;
        const length = Number(/Content-Length: (\d+)/i.exec(head)?.[1]);
        if (end < 4 || bytes.length < end + length) break;
        await this.#hear(JSON.parse(new TextDecoder().decode(bytes.subarray(end, end + length))));
        bytes = bytes.slice(end + length);
      }
    }
    const ended = new Error("Cannot wait for the language server: it has ended");
    for (const { reject } of this.#waiting.values()) reject(ended);
  }

  async #hear({ id, method, result, error }: Answer): Promise<void> {
    if (id === undefined) return;
    if (method === "workspace/configuration") {
      // What it asks for: its own settings first, then those of the languages.
      await this.#send({ id, result: [SETTINGS, null, null, null] });
    } else if (method !== undefined) await this.#send({ id, result: null });
    else if (error !== undefined) this.#waiting.get(id)?.reject(new Error(error.message));
    else this.#waiting.get(id)?.resolve(result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {}); // it has ended already
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // as above
    }
    await this.#reading;
    await this.#child.status;
  }
}
