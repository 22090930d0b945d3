import { CommandError, run, say } from "./run.ts";

const PACKAGE = "qemu-guest-agent";
const PROGRAM = "usr/sbin/qemu-ga";

/** What came of it. */
export type AgentAssets =
  | { readonly kind: "present" }
  | { readonly kind: "made" }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * Makes the folder with the guest agent for the Linux guest: the program of Debian's package, which is downloaded and not
 * installed, and the libraries that it needs, which are this system's own (QEMU needs them as well). The folder appears whole or not
 * at all.
 *
 * @param folder Where it goes.
 * @returns Whether it was there, is there now, or can't be made on this system.
 */
export async function makeAgentAssets(folder: string): Promise<AgentAssets> {
  if (await agentFiles(folder) !== null) return { kind: "present" };
  const parent = folder.replace(/\/[^/]*$/, "");
  await Deno.mkdir(parent, { recursive: true });
  const work = await Deno.makeTempDir({ dir: parent, prefix: "agent-" });
  try {
    say(`Downloading ${PACKAGE} (not installing it)`);
    await download(work);
    for await (const { name } of Deno.readDir(work)) {
      if (name.endsWith(".deb")) await run(["dpkg-deb", "-x", `${work}/${name}`, `${work}/root`]);
    }
    const program = `${work}/root/${PROGRAM}`;
    const libraries = neededBy(await run(["ldd", program]));
    await copy(program, `${work}/new/${PROGRAM}`);
    for (const library of libraries) await copy(library, `${work}/new/${library}`);
    await Deno.rename(`${work}/new`, folder).catch(async (error) => {
      // If another setup was quicker, its folder is as good.
      if (await agentFiles(folder) === null) throw error;
    });
    return { kind: "made" };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { kind: "impossible", reason: error.message };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/**
 * The files of the folder by their paths in the guest, for `linuxGuest({ files })`.
 *
 * @param folder The folder that `makeAgentAssets` made.
 * @returns The files; null when it is not there.
 */
export async function agentFiles(folder: string): Promise<Record<string, Uint8Array> | null> {
  const files: Record<string, Uint8Array> = {};
  const walk = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}${path}`)) {
      const inner = `${path}/${name}`;
      if (isDirectory) await walk(inner);
      else files[inner] = await Deno.readFile(`${folder}${inner}`);
    }
  };
  try {
    await walk("");
    return files;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function download(folder: string): Promise<void> {
  // Without the option apt-get complains of folders that its own user can't write to.
  const aptGet = ["apt-get", "-o", "APT::Sandbox::User=root"];
  try {
    await run([...aptGet, "download", PACKAGE], { cwd: folder });
    return;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    say(`${error.message}\nFetching new package lists, for this download only`);
  }
  await Deno.mkdir(`${folder}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${folder}/cache/archives/partial`, { recursive: true });
  aptGet.push("-o", `Dir::State::lists=${folder}/lists`, "-o", `Dir::Cache=${folder}/cache`);
  // Without the mode it succeeds when it could fetch nothing at all.
  await run([...aptGet, "-o", "APT::Update::Error-Mode=any", "update"]);
  await run([...aptGet, "download", PACKAGE], { cwd: folder });
}

/** The paths in what ldd prints. */
function neededBy(listing: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(listing)?.[1];
  if (missing !== undefined) throw new CommandError(`${PACKAGE} needs ${missing}, which this system has not`);
  return [...listing.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}

/** Copies a file, or what a link leads to. */
async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.copyFile(from, to);
}
