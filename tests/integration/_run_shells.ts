import { type ByteTransport, stdioTransport } from "../../src/qmp/mod.ts";

/** A shell of this host in place of one in a guest: it reads its port from two pipes. */
export class HostShell implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #transport: ByteTransport;

  /** @param argv The shell. */
  constructor(argv: readonly string[]) {
    const [program = "sh", ...args] = argv;
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "null" })
      .spawn();
    this.#transport = stdioTransport(this.#child);
  }

  /** A connection to it that leaves it open. */
  connect(): Promise<ByteTransport> {
    return Promise.resolve(this.#transport);
  }

  /** Ends it: it sees the end of its input, and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    await this.#child.status;
  }
}

/** The shells of this host that are to be found, by name. */
export async function hostShells(): Promise<Map<string, readonly string[]>> {
  const busybox = new URL("../../.cache/linux/busybox", import.meta.url).pathname;
  const shells = new Map<string, readonly string[]>();
  for (
    const [name, argv] of [["dash", ["/bin/dash"]], ["bash", ["/bin/bash"]], ["busybox", [
      busybox,
      "sh",
    ]]] as const
  ) {
    if (await Deno.stat(argv[0]).then(() => true, () => false)) shells.set(name, argv);
  }
  return shells;
}
