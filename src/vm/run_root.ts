/**
 * Where run directories are made when the caller names none: `$XDG_RUNTIME_DIR/qeeper` where there is one, else `qeeper-UID` in the
 * temporary directory.
 *
 * @returns An absolute path; it is made with mode 0700 if it is missing.
 * @throws {Error} When others can write to it.
 *
 * @example
 * ```ts
 * import { launch, runRoot } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * const root = await runRoot();
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * assert(vm.runDir?.startsWith(`${root}/`));
 * ```
 */
export async function runRoot(): Promise<string> {
  const runtime = runtimeDir();
  const root = runtime !== null && await isThere(runtime) ? `${runtime}/qeeper` : temporaryRoot();
  await Deno.mkdir(root, { recursive: true, mode: 0o700 });
  checkRoot(root, await Deno.lstat(root));
  return root;
}

/**
 * Where run directories most likely are made. Nobody has looked whether it is there: each look is a part of every launch.
 *
 * @returns What {@linkcode runRoot} is, unless `$XDG_RUNTIME_DIR` has outlived its session, or may not be looked at.
 */
export function likelyRoot(): string {
  const runtime = runtimeDir();
  return runtime === null ? temporaryRoot() : `${runtime}/qeeper`;
}

/**
 * Checks where a directory was made. It is ours, so whoever owns it has to own the root as well: its owner can put anything in our place.
 *
 * @param root The run root.
 * @param dir What was just made in it.
 * @throws {Error} When the root is another user's, or others can write to it.
 */
export function checkPlace(root: string, dir: string): void {
  const above = Deno.lstatSync(root);
  checkRoot(root, above);
  if (above.uid === Deno.lstatSync(dir).uid) return;
  throw new Error(
    `Cannot use ${root} for run directories: it belongs to another user (uid ${above.uid}); remove it, or name a runDir`,
  );
}

function checkRoot(root: string, info: Deno.FileInfo): void {
  // In a directory that everybody can write to, somebody else may have been first.
  if (!info.isDirectory || (info.mode !== null && (info.mode & 0o022) !== 0)) {
    throw new Error(
      `Cannot use ${root} for run directories: it is no directory, or others can write to it; remove it, or name a runDir`,
    );
  }
}

function runtimeDir(): string | null {
  const runtime = readEnv("XDG_RUNTIME_DIR");
  return runtime?.startsWith("/") ? runtime : null;
}

/** A variable can outlive the session that it was made for. */
async function isThere(dir: string): Promise<boolean> {
  try {
    return (await Deno.stat(dir)).isDirectory;
  } catch {
    return false;
  }
}

function temporaryRoot(): string {
  const named = readEnv("TMPDIR");
  const temporary = named?.startsWith("/") ? named.replace(/\/+$/, "") : "/tmp";
  const sys = Deno.permissions.querySync({ name: "sys", kind: "uid" });
  const uid = sys.state === "granted" ? Deno.uid() : null;
  return `${temporary}/qeeper${uid === null ? "" : `-${uid}`}`;
}

function readEnv(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}
