import { type RunPaths, runPaths } from "../machine/mod.ts";

/** The longest path that Deno takes for a unix socket, in bytes (QEMU itself takes 108). */
const MAX_SOCKET_PATH_BYTES = 107;
/** What a socket's name in the run directory may add to its path: a slash and 12 characters. */
const ROOM_FOR_NAME_BYTES = 13;

/** A VM's own directory: sockets, logs, secrets. Mode 0700, never shared with another VM, never used twice. */
export interface RunDir extends AsyncDisposable {
  readonly paths: RunPaths;
}

/**
 * Makes a fresh run directory.
 *
 * @param wanted The directory to use; it is made, or must be empty. Without it a new one is made under
 * `$XDG_RUNTIME_DIR/qeeper`, or under `qeeper-UID` in the temporary directory.
 * @returns The directory. Disposing it removes what was made here: of a directory that the caller named, only the sockets,
 * the pid file and the secrets, so that its logs can be read.
 * @throws {Error} When the directory is in use, or its path is too long for a socket in it.
 */
export async function makeRunDir(wanted?: string): Promise<RunDir> {
  return wanted === undefined ? await makeUnder(await runRoot()) : await takeOver(wanted);
}

/**
 * Where run directories are made when the caller names none.
 *
 * @returns An absolute path; it is made with mode 0700 if it is missing.
 */
export async function runRoot(): Promise<string> {
  const runtime = await readEnv("XDG_RUNTIME_DIR");
  const root = runtime?.startsWith("/") ? `${runtime}/qeeper` : await temporaryRoot();
  await Deno.mkdir(root, { recursive: true, mode: 0o700 });
  const info = await Deno.lstat(root);
  // In a directory that everybody can write to, somebody else may have been first.
  if (!info.isDirectory || (info.mode !== null && (info.mode & 0o022) !== 0)) {
    throw new Error(
      `Cannot use ${root} for run directories: it is no directory, or others can write to it; remove it, or name a runDir`,
    );
  }
  return root;
}

async function temporaryRoot(): Promise<string> {
  const temporary = await readEnv("TMPDIR") ?? "/tmp";
  const sys = await Deno.permissions.query({ name: "sys", kind: "uid" });
  const uid = sys.state === "granted" ? Deno.uid() : null;
  return `${temporary.replace(/\/+$/, "")}/qeeper${uid === null ? "" : `-${uid}`}`;
}

async function readEnv(variable: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

async function makeUnder(root: string): Promise<RunDir> {
  for (;;) {
    const dir = `${root}/${randomName()}`;
    checkLength(dir);
    try {
      await Deno.mkdir(dir, { mode: 0o700 });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) continue;
      throw error;
    }
    return {
      paths: runPaths(dir),
      [Symbol.asyncDispose]: () => removeIfThere(dir, { recursive: true }),
    };
  }
}

async function takeOver(wanted: string): Promise<RunDir> {
  const dir = wanted.startsWith("/") ? wanted : `${Deno.cwd()}/${wanted}`;
  checkLength(dir);
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  for await (const entry of Deno.readDir(dir)) {
    throw new Error(
      `Cannot use ${dir} as a run directory: it already holds ${
        JSON.stringify(entry.name)
      }; each launch wants an empty ` +
        "directory of its own, since a second QEMU on the same sockets takes them from the first one",
    );
  }
  await Deno.chmod(dir, 0o700);
  const paths = runPaths(dir);
  return {
    paths,
    async [Symbol.asyncDispose]() {
      for await (const entry of Deno.readDir(dir)) {
        if (!entry.name.endsWith(".log")) await removeIfThere(`${dir}/${entry.name}`, { recursive: true });
      }
    },
  };
}

function checkLength(dir: string): void {
  const bytes = new TextEncoder().encode(dir).length + ROOM_FOR_NAME_BYTES;
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `Cannot use ${dir} as a run directory: a socket in it would have a path of up to ${bytes} bytes, and ` +
        `${MAX_SOCKET_PATH_BYTES} are allowed; name a shorter runDir`,
    );
  }
}

/** 8 characters, which are 40 bits: names are short because socket paths are. */
function randomName(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => alphabet[byte & 31]).join("");
}

async function removeIfThere(path: string, options: Deno.RemoveOptions): Promise<void> {
  try {
    await Deno.remove(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
