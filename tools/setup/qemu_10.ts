import { CommandError, run, say, which } from "./run.ts";

const RELEASE = "bookworm";
const SUITE = `${RELEASE}-backports`;
const DEFAULT_MIRROR = "http://deb.debian.org/debian/";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const BINARY = "qemu-system-x86_64";

/** The modules are among them: where QEMU finds none of its version beside it, it aborts at the first one. */
const PACKAGES: readonly string[] = [
  "qemu-system-x86",
  "qemu-system-common",
  "qemu-system-data",
  "qemu-system-gui",
  "qemu-system-modules-opengl",
  "qemu-system-modules-spice",
  "seabios",
];

/** How long the packages may take. It is a QEMU to test with beside another one: nobody should wait long for it. */
const DOWNLOAD_MS = 180_000;

/** Starts the unpacked QEMU, which looks for its parts where it would have been installed. */
const WRAPPER = `#!/bin/sh
root=$(cd "$(dirname "$0")" && pwd)/root
QEMU_MODULE_DIR="$root/usr/lib/x86_64-linux-gnu/qemu" exec "$root/usr/bin/${BINARY}" \\
  -L "$root/usr/share/seabios" -L "$root/usr/share/qemu" -L /usr/lib/ipxe/qemu "$@"
`;

/** What came of it; `binary` is started as QEMU itself would be. */
export type Qemu10 =
  | { readonly kind: "present" | "made"; readonly binary: string }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * Makes a folder with QEMU 10 from Debian's backports, unpacked and not installed, beside the QEMU of the system. The
 * folder appears whole or not at all.
 *
 * @param folder Where it goes, such as `.cache/qemu-10`.
 * @returns Whether it was there, is there now, or can't be made on this system, and why: also where its packages can't be had.
 */
export async function makeQemu10(folder: string): Promise<Qemu10> {
  const binary = `${folder}/${BINARY}`;
  if (await isThere(binary)) return { kind: "present", binary };
  try {
    const reason = await whyImpossible();
    if (reason !== null) return { kind: "impossible", reason };
    await make(folder, binary);
    return { kind: "made", binary };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { kind: "impossible", reason: error.message };
  }
}

async function make(folder: string, binary: string): Promise<void> {
  const parent = folder.replace(/\/[^/]*$/, "");
  await Deno.mkdir(parent, { recursive: true });
  const work = await Deno.makeTempDir({ dir: parent, prefix: "qemu-10-" });
  try {
    await Deno.mkdir(`${work}/new/root`, { recursive: true });
    await download(work);
    for await (const { name } of Deno.readDir(work)) {
      if (name.endsWith(".deb")) await run(["dpkg-deb", "-x", `${work}/${name}`, `${work}/new/root`]);
    }
    await Deno.writeTextFile(`${work}/new/${BINARY}`, WRAPPER, { mode: 0o755 });
    // A library that this system lacks shows here and not in a test.
    const version = await run([`${work}/new/${BINARY}`, "--version"]);
    if (!version.includes("version 10.")) {
      throw new CommandError(`Cannot use the QEMU of ${SUITE}: it is ${version.split("\n")[0]}`);
    }
    await Deno.rename(`${work}/new`, folder).catch(async (error) => {
      if (!await isThere(binary)) throw error; // another setup was quicker, and its folder is as good
    });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function whyImpossible(): Promise<string | null> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => ""); // only Linux has it
  if (!new RegExp(`^VERSION_CODENAME="?${RELEASE}"?$`, "m").test(release)) {
    return `it comes from ${SUITE}, and this system is not Debian 12`;
  }
  for (const tool of ["apt-get", "dpkg-deb"]) {
    if (await which(tool) === null) return `it comes from ${SUITE}, and there is no ${tool}`;
  }
  const architecture = (await run(["dpkg", "--print-architecture"])).trim();
  return architecture === "amd64" ? null : `its packages are for amd64, and this system is ${architecture}`;
}

/** Downloads the packages into the folder, with lists and sources of its own: the system's are left alone. */
async function download(folder: string): Promise<void> {
  const until = performance.now() + DOWNLOAD_MS;
  const left = () => ({
    cwd: folder,
    env: { APT_CONFIG: `${folder}/apt.conf` },
    timeoutMs: Math.max(0, Math.round(until - performance.now())),
  });
  const signed = await isThere(KEYRING) ? `[signed-by=${KEYRING}] ` : "";
  await Deno.writeTextFile(`${folder}/sources.list`, `deb ${signed}${await mirror()} ${SUITE} main\n`);
  await Deno.mkdir(`${folder}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${folder}/cache/archives/partial`, { recursive: true });
  const settings = Object.entries({
    "APT::Sandbox::User": "root", // else it complains of folders that its own user can't write to
    "Dir::Etc::sourcelist": `${folder}/sources.list`,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": `${folder}/lists`,
    "Dir::Cache": `${folder}/cache`,
    "APT::Update::Error-Mode": "any", // else it succeeds when it could fetch nothing at all
    "Acquire::Retries": "0",
    "Acquire::http::Timeout": "10",
    "Acquire::https::Timeout": "10",
  }).map(([key, value]) => `${key} "${value}";\n`);
  await Deno.writeTextFile(`${folder}/apt.conf`, settings.join(""));
  await run(["apt-get", "update"], left());
  say(`Downloading QEMU 10 from ${SUITE} (not installing it)`);
  const packages = PACKAGES.map((name) => `${name}/${SUITE}`);
  await run(["apt-get", "download", ...packages], left());
}

/** The mirror that this system takes its packages from. */
async function mirror(): Promise<string> {
  const format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
  const targets = await run(["apt-get", "indextargets", "--format", format, "Created-By: Packages"]);
  return new RegExp(`^${RELEASE} main (\\S+)$`, "m").exec(targets)?.[1] ?? DEFAULT_MIRROR;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}
