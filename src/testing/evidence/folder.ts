/** Where evidence goes when nobody says: in the directory that the tests run in, where a person and a CI job both look. */
const DEFAULT_ROOT = "test-evidence";
const MAX_SLUG_CHARS = 60;

/**
 * Makes a new folder for one VM's evidence, which only this user can read.
 *
 * @param root The folder that it is made in; `null` for `test-evidence` in the working directory, or, where nothing can be written there, in the
 * temporary one.
 * @param parts What it is called after: the test, the VM.
 * @param at When, in milliseconds since 1970.
 * @returns Its path.
 * @throws What keeps it from being made.
 */
export async function makeEvidenceFolder(
  root: string | null,
  parts: readonly string[],
  at: number,
): Promise<string> {
  const name = [...parts.map(slug), stamp(at)].filter((part) => part !== "").join("-");
  if (root !== null) return await makeFresh(root, name);
  try {
    return await makeFresh(`${Deno.cwd()}/${DEFAULT_ROOT}`, name);
  } catch {
    // Whatever keeps it from being made there: a read-only file system, a missing permission, a file of that name.
    return await Deno.makeTempDir({ prefix: `${name}-` });
  }
}

/**
 * A text as a part of a file name: letters, digits and single dashes.
 *
 * @param text Any text.
 * @returns The part; empty when nothing of it can be used.
 */
export function slug(text: string): string {
  return text.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").slice(0, MAX_SLUG_CHARS)
    .replace(/^-+|-+$/g, "").toLowerCase();
}

/** Local folders sort by it, and no file system minds it. */
function stamp(at: number): string {
  return new Date(at).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
}

/** Two VMs of one test may fail in the same second. */
async function makeFresh(root: string, name: string): Promise<string> {
  await Deno.mkdir(root, { recursive: true });
  const absolute = await Deno.realPath(root);
  for (let attempt = 1;; attempt++) {
    const path = `${absolute}/${name}${attempt === 1 ? "" : `-${attempt}`}`;
    try {
      await Deno.mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}
