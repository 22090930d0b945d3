import { assertEquals, assertLess, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { CommandError, run } from "../../tools/setup/run.ts";

const SETUP = new URL("../../tools/setup.ts", import.meta.url).pathname;

/** A directory of programs that stand for those of the system, each a shell script that may write to `log`. */
class FakeSystem implements AsyncDisposable {
  private constructor(readonly bin: string) {}

  static async make(programs: Record<string, string>): Promise<FakeSystem> {
    const system = new FakeSystem(await Deno.makeTempDir({ prefix: "qeeper-setup-" }));
    for (const [name, script] of Object.entries(programs)) {
      const text = `#!/bin/sh\ncd ${system.bin}\n${script}\n`;
      await Deno.writeTextFile(`${system.bin}/${name}`, text, { mode: 0o755 });
    }
    return system;
  }

  /** Runs the setup with nothing but these programs on the PATH. */
  async setUp(...args: string[]): Promise<{ code: number; output: string }> {
    return await this.#run(SETUP, args);
  }

  /** The same with a copy of the tool alone, for the checkout has folders that are there already. */
  async setUpCopy(): Promise<{ code: number; output: string }> {
    const copy = await Deno.makeTempDir({ prefix: "qeeper-copy-" });
    try {
      const root = new URL("../..", import.meta.url).pathname;
      const tools = ["tools/setup.ts", ...await namesIn(root, "tools/setup")];
      for (const file of [...tools, "src/testing/guests/linux_modules.ts"]) {
        await Deno.mkdir(`${copy}/${file.replace(/\/[^/]*$/, "")}`, { recursive: true });
        await Deno.copyFile(`${root}/${file}`, `${copy}/${file}`);
      }
      return await this.#run(`${copy}/tools/setup.ts`, []);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  }

  async log(): Promise<string[]> {
    const text = await Deno.readTextFile(`${this.bin}/log`).catch(() => ""); // nothing was run
    return text.split("\n").filter((line) => line !== "");
  }

  async #run(tool: string, args: readonly string[]): Promise<{ code: number; output: string }> {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", tool, ...args],
      env: { PATH: this.bin, NO_COLOR: "1" },
    }).output();
    return { code, output: new TextDecoder().decode(stdout).replaceAll(this.bin, "BIN") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.bin, { recursive: true });
  }
}

const QEMU = "exit 0";
/** Installs what the setup looks for; as root it is called itself, else through sudo. */
const APT = `printf '%s\\n' "apt-get $*" >> log
case "$*" in *install*) printf '#!/bin/sh\\n' > qemu-system-x86_64; /bin/chmod 755 qemu-system-x86_64 ;; esac`;
const ENV = `shift; exec "$@"`;
const SUDO = `shift; case $1 in true) exit 0 ;; *) exec "$@" ;; esac`;
const UPDATE = "apt-get -o DPkg::Lock::Timeout=300 update";
const INSTALL =
  "apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends qemu-system-x86 qemu-utils";

Deno.test("setup leaves a QEMU that is there alone", async () => {
  await using system = await FakeSystem.make({ "qemu-system-x86_64": QEMU, "apt-get": APT });
  assertEquals(await system.setUp("--qemu-only"), { code: 0, output: "QEMU: BIN/qemu-system-x86_64\n" });
  assertEquals(await system.log(), []);
});

Deno.test("setup installs QEMU with fresh package lists and says what it runs", async () => {
  await using system = await FakeSystem.make({ "apt-get": APT, "env": ENV, "sudo": SUDO });
  const { code, output } = await system.setUp("--qemu-only");
  assertEquals(code, 0);
  assertMatch(
    output,
    /\$ (sudo -n )?apt-get \S+ \S+ update\n\$ .*DEBIAN_FRONTEND=noninteractive apt-get .*install/,
  );
  assertStringIncludes(output, "QEMU: BIN/qemu-system-x86_64\n");
  assertEquals(await system.log(), [UPDATE, INSTALL]);
});

Deno.test("setup waits while another package manager is at work", async () => {
  const busyOnce = `if [ ! -e tried ]; then
  : > tried
  echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
  exit 100
fi
${APT}`;
  await using system = await FakeSystem.make({ "apt-get": busyOnce, "env": ENV, "sudo": SUDO });
  const { code, output } = await system.setUp("--qemu-only");
  assertEquals(code, 0);
  assertStringIncludes(output, "Another package manager is at work");
  assertEquals(await system.log(), [UPDATE, INSTALL]);
});

Deno.test("setup fails with what apt-get said when the install fails", async () => {
  await using system = await FakeSystem.make({
    "apt-get": `echo "E: Unable to locate package qemu-system-x86" >&2; exit 100`,
    "env": ENV,
    "sudo": SUDO,
  });
  const { code, output } = await system.setUp("--qemu-only");
  assertEquals(code, 1);
  assertStringIncludes(output, "exit code 100\nE: Unable to locate package qemu-system-x86");
});

Deno.test("setup fails when the install succeeded and there is still no QEMU", async () => {
  await using system = await FakeSystem.make({ "apt-get": "exit 0", "env": ENV, "sudo": SUDO });
  const { code, output } = await system.setUp("--qemu-only");
  assertEquals(code, 1);
  assertStringIncludes(output, "Cannot find qemu-system-x86_64 on the PATH after the install");
});

Deno.test("setup says what to do where there is no package manager that it knows", async () => {
  await using system = await FakeSystem.make({});
  const { code, output } = await system.setUp("--qemu-only");
  assertEquals(code, 1);
  assertStringIncludes(output, "none of apt-get, dnf, pacman, brew");
});

Deno.test("setup says why there can be no Linux guest and no second QEMU, and still succeeds", async () => {
  await using system = await FakeSystem.make({ "qemu-system-x86_64": QEMU });
  const { code, output } = await system.setUpCopy();
  assertEquals(code, 0);
  assertStringIncludes(output, "The tests with a Linux guest can't run here: ");
  assertStringIncludes(output, "The tests with QEMU 10 can't run here: ");
});

Deno.test("run() ends what takes too long", async () => {
  const error = await assertRejects(() => run(["sleep", "60"], { timeoutMs: 50 }), CommandError);
  assertEquals(error.message, "Cannot finish sleep 60: it took longer than 0.05 s");
  assertEquals(await run(["echo", "quick"], { timeoutMs: 60_000 }), "quick\n");
});

Deno.test("setup refuses options that it does not know and lists those it does", async () => {
  await using system = await FakeSystem.make({});
  const { code, output } = await system.setUp("--qemu");
  assertEquals(code, 2);
  assertStringIncludes(output, 'there is no option "--qemu"');
  assertStringIncludes(output, "--qemu-only");
});

async function namesIn(root: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${root}/${folder}`)) names.push(`${folder}/${name}`);
  assertLess(0, names.length);
  return names;
}
