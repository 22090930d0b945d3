import { LINUX_MODULES, type LinuxContents, moduleName } from "../../src/testing/guests/linux_modules.ts";
import { CommandError, run, say, which } from "./run.ts";

const KERNEL_PACKAGE = "linux-image-cloud-amd64";
const BUSYBOX_PACKAGE = "busybox-static";

/** What came of it. */
export type LinuxAssets =
  | { readonly kind: "present" }
  | { readonly kind: "made"; readonly release: string }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * Makes the folder with the kernel, the modules and the busybox of the Linux guest, from Debian's packages,
 * which are downloaded and not installed. The folder appears whole or not at all.
 *
 * @param folder Where it goes.
 * @returns Whether it was there, is there now, or can't be made on this system.
 * @throws {CommandError} If apt-get or dpkg-deb fails.
 */
export async function makeLinuxAssets(folder: string): Promise<LinuxAssets> {
  if (await isComplete(folder)) return { kind: "present" };
  const reason = await whyImpossible();
  if (reason !== null) return { kind: "impossible", reason };
  const parent = folder.replace(/\/[^/]*$/, "");
  await Deno.mkdir(parent, { recursive: true });
  const work = await Deno.makeTempDir({ dir: parent, prefix: "linux-" });
  try {
    await Deno.mkdir(`${work}/new/modules`, { recursive: true });
    const release = await download(`${work}/packages`);
    const contents = await fill(`${work}/new`, `${work}/packages/root`, release);
    await Deno.writeTextFile(`${work}/new/contents.json`, `${JSON.stringify(contents, null, 2)}\n`);
    await replace(folder, work);
    return { kind: "made", release };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Whether the folder is of this version and has all modules that are wanted now. */
async function isComplete(folder: string): Promise<boolean> {
  const text = await Deno.readTextFile(`${folder}/contents.json`).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (text === null) return false;
  const contents = JSON.parse(text) as LinuxContents;
  return contents.format === 1 && LINUX_MODULES.every((name) => moduleName(name) in contents.modules);
}

async function whyImpossible(): Promise<string | null> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => ""); // only Linux has it
  if (!/^ID="?debian"?$/m.test(release)) {
    return "its kernel and busybox come from Debian's packages, and this system is not Debian";
  }
  for (const tool of ["apt-get", "apt-cache", "dpkg-deb"]) {
    if (await which(tool) === null) {
      return `its kernel and busybox come from Debian's packages, and there is no ${tool}`;
    }
  }
  const architecture = (await run(["dpkg", "--print-architecture"])).trim();
  return architecture === "amd64" ? null : `its kernel is for amd64, and this system is ${architecture}`;
}

/** Downloads the packages and unpacks them into `folder/root`; returns the kernel's release. */
async function download(folder: string): Promise<string> {
  await Deno.mkdir(folder);
  // Without this apt-get complains of folders that its own user can't write to.
  const options = ["-o", "APT::Sandbox::User=root"];
  try {
    return await downloadWith(options, folder);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    say(error.message);
  }
  say("Perhaps this system's package lists are out of date: fetching new ones, for this download only");
  await Deno.mkdir(`${folder}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${folder}/cache/archives/partial`, { recursive: true });
  options.push("-o", `Dir::State::lists=${folder}/lists`, "-o", `Dir::Cache=${folder}/cache`);
  // Without the mode it succeeds when it could fetch nothing at all.
  await run(["apt-get", ...options, "-o", "APT::Update::Error-Mode=any", "update"]);
  return await downloadWith(options, folder);
}

async function downloadWith(options: readonly string[], folder: string): Promise<string> {
  // The package of that name is empty and depends on the one of the day.
  const depends = await run(["apt-cache", ...options, "depends", KERNEL_PACKAGE]);
  const [, kernelPackage, release] = /Depends: (linux-image-(\S+-cloud-amd64))/.exec(depends) ?? [];
  if (kernelPackage === undefined || release === undefined) {
    throw new CommandError(
      `Cannot find the kernel that ${KERNEL_PACKAGE} stands for: apt-cache said ${depends}`,
    );
  }
  say(`Downloading ${kernelPackage} and ${BUSYBOX_PACKAGE} (not installing them)`);
  await run(["apt-get", ...options, "download", kernelPackage, BUSYBOX_PACKAGE], { cwd: folder });
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".deb")) await run(["dpkg-deb", "-x", `${folder}/${name}`, `${folder}/root`]);
  }
  return release;
}

/** Copies what the guest needs out of the unpacked packages. */
async function fill(folder: string, root: string, release: string): Promise<LinuxContents> {
  await Deno.copyFile(`${root}/boot/vmlinuz-${release}`, `${folder}/vmlinuz`);
  await Deno.copyFile(`${root}/${await firstOf(root, ["bin", "usr/bin"])}/busybox`, `${folder}/busybox`);
  const tree = await firstOf(root, ["lib/modules", "usr/lib/modules"]);
  const files = new Map<string, string>();
  await findModules(`${root}/${tree}/${release}/kernel`, files);
  const modules: Record<string, readonly string[]> = {};
  const wanted = LINUX_MODULES.map(moduleName);
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (name in modules) continue;
    const file = files.get(name);
    if (file === undefined) throw new CommandError(`Cannot find the module ${name} in the kernel ${release}`);
    const bytes = await readModule(file);
    await Deno.writeFile(`${folder}/modules/${name}.ko`, bytes);
    const needs = neededBy(bytes);
    modules[name] = needs;
    wanted.push(...needs);
  }
  return { format: 1, release, modules };
}

async function firstOf(root: string, folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    // "bin" may be a link to "usr/bin" of the system, not of this tree: only real folders count.
    const info = await Deno.lstat(`${root}/${folder}`).catch(() => null);
    if (info?.isDirectory) return folder;
  }
  throw new CommandError(`Cannot find any of ${folders.join(", ")} in the unpacked packages`);
}

async function findModules(folder: string, files: Map<string, string>): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    const [, name] = /^(.*)\.ko(?:\.xz)?$/.exec(entry.name) ?? [];
    if (entry.isDirectory) await findModules(path, files);
    else if (name !== undefined) files.set(moduleName(name), path);
  }
}

/** Newer kernels have their modules compressed, which the guest's insmod is spared. */
async function readModule(path: string): Promise<Uint8Array> {
  if (path.endsWith(".xz")) await run(["xz", "-d", path]);
  return await Deno.readFile(path.replace(/\.xz$/, ""));
}

/** A module names those that it needs in its own header. */
function neededBy(module: Uint8Array): string[] {
  const [, names = ""] = /\0depends=([^\0]*)\0/.exec(new TextDecoder("latin1").decode(module)) ?? [];
  return names.split(",").filter((name) => name !== "").map(moduleName);
}

/** Puts the new folder into its place; if another setup was quicker, its folder is as good. */
async function replace(folder: string, work: string): Promise<void> {
  await Deno.rename(folder, `${work}/old`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(`${work}/new`, folder).catch(async (error) => {
    if (!await isComplete(folder)) throw error;
  });
}
