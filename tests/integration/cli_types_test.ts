// `qeeper types` with real QEMUs: what it writes is checked by TypeScript together with calls that are right and calls that are wrong.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { command, qeeper } from "./_cli.ts";
import { QEMUS } from "./_qemus.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SYSTEM_QEMU = "qemu-system-x86_64";

/** What every QEMU from 7.2 on has. */
const COMMON_USE = `
import type { QmpClient } from "@qeeper/qeeper/qmp";
import type { BlockdevOptions, QmpCommands, QmpEvents, RunState, SocketAddressReceived, StatusInfo } from "./qemu.ts";

export async function use(client: QmpClient, anyName: string): Promise<void> {
  const qmp = client.as<QmpCommands, QmpEvents>();
  const status: StatusInfo = await qmp.execute("query-status");
  const running: boolean = status.running;
  // @ts-expect-error QEMU may say more than it has today
  const state: RunState = status.status;
  if (status.status === "guest-panicked" && running) await qmp.execute("stop", {}, { timeoutMs: 100 });

  const disk: BlockdevOptions = { driver: "file", filename: "disk" };
  await qmp.execute("blockdev-add", { driver: "qcow2", "node-name": "q", file: disk, "lazy-refcounts": true });
  // @ts-expect-error another driver's member
  await qmp.execute("blockdev-add", { driver: "null-co", "lazy-refcounts": true });
  // @ts-expect-error no driver of that name
  await qmp.execute("blockdev-add", { driver: "abacus" });
  await qmp.execute("device_add", { driver: "virtio-blk-pci", drive: "q" });
  await qmp.execute("block_resize", { "node-name": "q", size: 2n ** 60n });
  // @ts-expect-error it wants arguments
  await qmp.execute("device_del");
  // @ts-expect-error a misspelled member
  await qmp.execute("device_del", { ID: "q" });
  // @ts-expect-error a misspelled command
  await qmp.execute("query-statsu");
  const unknownReply: unknown = await qmp.execute(anyName, { any: "thing" });

  using events = qmp.events("SHUTDOWN", "RESET");
  for await (const event of events) {
    if (event.event === "SHUTDOWN") take(event.data.guest, event.data.reason);
    // @ts-expect-error not asked for
    if (event.event === "STOP") break;
  }
  // @ts-expect-error no event of that name
  qmp.events("SHUTDWON");
  const panic = await qmp.expect("GUEST_PANICKED", () => qmp.execute("cont"), { where: ({ data }) => data.action !== "run" });
  take(panic.data.info, state, unknownReply, qmp.greeting.version);
  await qmp.close();
}

export function portOf(address: SocketAddressReceived): string | null {
  switch (address.type) {
    case "inet":
      return address.port;
    case "unix":
      return address.path;
    default:
      return null;
  }
}

function take(...values: readonly unknown[]): void {
  void values;
}
`;

/** What only one version has. */
const OWN_USE: Readonly<Record<string, string>> = {
  "7.2": `
import type { StatusInfo as Own } from "./qemu.ts";
export const singleStep = (status: Own): boolean => status.singlestep;
export const profile: "x-query-profile" extends keyof QmpCommands ? true : false = true;
export const setActive: "blockdev-set-active" extends keyof QmpCommands ? true : false = false;
export const unplug: QmpEvents["MEM_UNPLUG_ERROR"] = { device: "d", msg: "m" };
`,
  "10.0": `
import type { StatusInfo as Own } from "./qemu.ts";
// @ts-expect-error this has gone
export const singleStep = (status: Own): boolean => status.singlestep;
export const profile: "x-query-profile" extends keyof QmpCommands ? true : false = false;
export const setActive: QmpCommands["blockdev-set-active"]["arguments"] = { active: true };
`,
};

for (const { binary, name: qemu, ignore } of QEMUS) {
  Deno.test({
    name: `types writes a module with which right calls compile and wrong ones don't, for ${qemu}`,
    ignore,
    async fn() {
      await using folder = await Folder.make();
      const { code, out, err } = await qeeper("types", "--qemu", binary, "--out", `${folder.path}/qemu.ts`);
      assertEquals([code, out], [0, ""], err);
      // All names are found: a type that was named after its use would be told here.
      assertMatch(err, /^\S+\/qemu\.ts: QEMU \d+\.\d+\.\d+, 2\d\d commands, 5\d events, [56]\d\d types\n$/);
      const text = await Deno.readTextFile(`${folder.path}/qemu.ts`);
      const version = / QEMU (\d+\.\d+)\./.exec(text)?.[1] ?? "";
      assertStringIncludes(text.split("\n")[0] ?? "", `// Written by qeeper types --qemu ${binary} (Qeeper `);
      await folder.write("use.ts", `${COMMON_USE}${OWN_USE[version] ?? ""}`);
      assertEquals(await folder.check("use.ts"), "");
    },
  });
}

Deno.test("types writes to stdout what it writes to a file, and only that", async () => {
  await using folder = await Folder.make();
  const { code, out, err } = await qeeper("types", "--qemu", SYSTEM_QEMU);
  assertEquals([code, err], [0, ""]);
  await qeeper("types", "--qemu", SYSTEM_QEMU, "-o", `${folder.path}/qemu.ts`);
  assertEquals(await Deno.readTextFile(`${folder.path}/qemu.ts`), out);
});

Deno.test("types takes a QEMU that was built without TCG", async () => {
  await using folder = await Folder.make();
  // It stands for one: KVM is TCG in it.
  await folder.write(
    "qemu-native",
    `#!/bin/sh
for word; do
  shift
  case $word in
  tcg | tcg,*) echo "qemu-native: -accel tcg: invalid accelerator tcg" >&2; exit 1 ;;
  kvm | hvf) word=tcg ;;
  esac
  set -- "$@" "$word"
done
exec ${SYSTEM_QEMU} "$@"
`,
    0o755,
  );
  const { code, out, err } = await qeeper("types", "--qemu", `${folder.path}/qemu-native`);
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "export interface QmpCommands {");
});

Deno.test("types says what is wrong with a QEMU that it can't ask, and what to do", async (t) => {
  await using folder = await Folder.make();
  await folder.write("talks-nonsense", `#!/bin/sh\necho "no such option" >&2\nexit 3\n`, 0o755);
  await folder.write("not-executable", "text\n");
  const cases: Readonly<Record<string, [binary: string, words: string]>> = {
    "none of that name": [
      "qemu-system-abacus",
      "there is no qemu-system-abacus on this machine; install QEMU",
    ],
    "what is no QEMU": [`${folder.path}/talks-nonsense`, "(exit code 3); it said:\n  no such option\n"],
    "a file that can't be run": [`${folder.path}/not-executable`, "can't be executed"],
  };
  for (const [name, [binary, words]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const { code, out, err } = await qeeper("types", "--qemu", binary);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(err, words);
      assertMatch(err, /\nName a QEMU that works with --qemu; qeeper doctor lists those of this machine\n$/);
    });
  }
  await t.step("a file that can't be written", async () => {
    const file = `${folder.path}/no/such/folder/qemu.ts`;
    const { code, err } = await qeeper("types", "--qemu", SYSTEM_QEMU, "--out", file);
    assertEquals(code, 1);
    assertStringIncludes(err, `qeeper: Cannot write ${file}: `);
  });
});

Deno.test("types is a command of its own process as well", async () => {
  const { code, stdout, stderr } = await command(["types", "--qemu", SYSTEM_QEMU]).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  assertMatch(decoder.decode(stdout), /^\/\/ Written by qeeper types/);
});

/** A folder of somebody's project. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "qeeper-types-" }));
  }

  async write(name: string, text: string, mode = 0o644): Promise<void> {
    await Deno.writeTextFile(`${this.path}/${name}`, text, { mode });
  }

  /** What TypeScript, under the strict flags of this project, says of a file; empty where it has nothing to say. */
  async check(name: string): Promise<string> {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--frozen", "--config", `${ROOT}deno.json`, `${this.path}/${name}`],
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stderr);
    return success ? said : said || "it failed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
