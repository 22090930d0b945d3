import { CommandError, run, which } from "../../tools/setup/run.ts";

/** What Qeeper is measured beside, as far as this machine has it. */
export interface Baselines extends AsyncDisposable {
  /** A directory for programs, and for what is to be on a disk; removed at the end. */
  readonly dir: string;
  /** A directory for sockets and run directories, in memory as `$XDG_RUNTIME_DIR` is; removed at the end. */
  readonly sockets: string;
  /** The C client, or null without a compiler. */
  readonly client: string | null;
  /** The C program that sends many events, or null without a compiler. */
  readonly producer: string | null;
  /** Whether the C client can parse what it reads. */
  readonly hasYajl: boolean;
  /** A Python that has `qemu.qmp`, or null. */
  readonly python: string | null;
  /** What is missing, and how to get it. */
  readonly notes: readonly string[];
}

/**
 * Compiles the C baselines into a temporary directory and looks for `qemu.qmp`.
 *
 * @returns What there is; dispose of it to remove the directory.
 */
export async function buildBaselines(): Promise<Baselines> {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-bench-" });
  const notes: string[] = [];
  const sockets = await memoryDir();
  if (sockets === null) {
    notes.push("No /dev/shm: the sockets of all contestants are on the disk, which is slower and less even");
  }
  const compiler = await which("cc");
  if (compiler === null) notes.push("No C compiler (cc): the rows of C are missing; install gcc or clang");
  const compile = async (name: string, flags: readonly string[] = []): Promise<string | null> => {
    if (compiler === null) return null;
    const source = new URL(`c/${name}.c`, import.meta.url).pathname;
    try {
      await run([compiler, "-O2", "-o", `${dir}/${name}`, source, ...flags]);
      return `${dir}/${name}`;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // With flags this asks whether a library is there; without, our own source is broken.
      if (flags.length === 0) throw error;
      return null;
    }
  };
  const withYajl = await compile("qmp_client", ["-DHAVE_YAJL", "-lyajl"]);
  if (compiler !== null && withYajl === null) {
    notes.push(
      "No yajl: the C client can't parse events; install libyajl-dev (Debian) or yajl-devel (Fedora)",
    );
  }
  const client = withYajl ?? await compile("qmp_client");
  const producer = await compile("events_producer");
  const python = await findPython();
  if (python === null) notes.push("No qemu.qmp for python3: its rows are missing; install it with pip");
  return {
    dir,
    sockets: sockets ?? dir,
    client,
    producer,
    hasYajl: withYajl !== null,
    python,
    notes,
    async [Symbol.asyncDispose]() {
      await Deno.remove(dir, { recursive: true });
      if (sockets !== null) await Deno.remove(sockets, { recursive: true });
    },
  };
}

/** To make a socket on a disk takes up to 0.3 ms, and Qeeper's QEMU has four times as many as the others'. */
async function memoryDir(): Promise<string | null> {
  try {
    return await Deno.makeTempDir({ dir: "/dev/shm", prefix: "qeeper-bench-" });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}

async function findPython(): Promise<string | null> {
  try {
    await run(["python3", "-c", "import qemu.qmp"]);
    return "python3";
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return null;
  }
}
