// Golden files: tests/testdata/argv/NAME.json has a config (and what differs from the usual host facts), NAME.argv the command
// line it compiles to, a word a line. After a change that is meant, look at the difference that this makes:
//   deno test --allow-read --allow-write=tests/testdata/argv tests/unit/machine/argv_test.ts -- --update
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compileArgv,
  ConfigError,
  type HostFacts,
  type NewConfigIssue,
  parseVmConfig,
  resolveConfigPaths,
  runPaths,
  type VmConfig,
} from "../../../src/machine/mod.ts";
import { withoutTie } from "../../../src/machine/monitors.ts";
import { Place } from "../../../src/machine/place.ts";
import { vmConfigSchema } from "../../../src/machine/parse.ts";
import * as parts from "../../../src/machine/schema_parts.ts";
import type { Schema } from "../../../src/machine/schema_words.ts";

const GOLDEN = new URL("../../testdata/argv/", import.meta.url);
const FACTS: HostFacts = { binary: "qemu-system-x86_64", arch: "x86_64", accel: "tcg", sandbox: true };
const PATHS = runPaths("/run/vm");

interface Golden {
  facts?: Partial<HostFacts>;
  config: unknown;
}

const goldens = new Map<string, Golden>();
for (const { name } of Deno.readDirSync(GOLDEN)) {
  if (!name.endsWith(".json")) continue;
  goldens.set(name.slice(0, -".json".length), JSON.parse(Deno.readTextFileSync(new URL(name, GOLDEN))));
}

for (const [name, golden] of [...goldens].toSorted()) {
  Deno.test(`compileArgv() gives the command line of ${name}.argv for ${name}.json`, () => {
    const config = resolveConfigPaths(parseVmConfig(golden.config), "/vm");
    const argv = compileArgv(config, { ...FACTS, ...golden.facts }, PATHS);
    const lines = argv.map((word) => `${word}\n`).join("");
    const file = new URL(`${name}.argv`, GOLDEN);
    if (Deno.args.includes("--update")) Deno.writeTextFileSync(file, lines);
    assertEquals(lines, Deno.readTextFileSync(file));
  });
}

Deno.test("compileArgv() of a tied launch has a chardev for its tie behind the built-in monitors, its monitor behind all of them, and no more", () => {
  const paths = runPaths("/run/a,b");
  const config = { monitors: [{ id: "mine" }] };
  const usual = compileArgv(config, { ...FACTS, recorder: "pipe" }, paths);
  const behind = usual.indexOf("chardev=hmp,mode=readline") + 1;
  const last = usual.indexOf("chardev=mine,mode=control") + 1;
  assertEquals(compileArgv(config, { ...FACTS, recorder: "pipe", tie: "socket" }, paths), [
    ...usual.slice(0, behind),
    ...["-chardev", "socket,id=tie,path=/run/a,,b/tie,server=off"],
    ...usual.slice(behind, last),
    ...["-mon", "chardev=tie,mode=control"],
    ...usual.slice(last),
  ]);
  assertEquals(withoutTie(compileArgv(config, { ...FACTS, recorder: "pipe", tie: "socket" }, paths)), usual);
  const alike = [
    "q",
    "-append",
    "socket,id=tie,x",
    "-name",
    "chardev=tie,",
    "-mon",
    "chardev=ties,mode=control",
  ];
  assertEquals(withoutTie(alike), alike);
});

Deno.test("every .argv file belongs to a .json file", () => {
  const strays = [...Deno.readDirSync(GOLDEN)].map(({ name }) => name)
    .filter((name) => !name.endsWith(".json") && !goldens.has(name.replace(/\.argv$/, "")));
  assertEquals(strays, []);
});

Deno.test("the golden files have every field of a config, and every field of its parts", () => {
  const used = new Map<string, Set<string>>();
  for (const { config } of goldens.values()) collectKeys(config, "", used);
  const schemas: Record<string, Schema<unknown>> = {
    "": vmConfigSchema,
    "drives[]": parts.driveSchema,
    topology: parts.topologySchema,
    firmware: parts.firmwareSchema,
    "monitors[]": parts.monitorSchema,
    vsock: parts.vsockSchema,
    tpm: parts.tpmSchema,
    rtc: parts.rtcSchema,
    boot: parts.bootSchema,
    actions: parts.actionsSchema,
  };
  for (const [path, schema] of Object.entries(schemas)) {
    assertEquals(
      [...used.get(path) ?? []].toSorted(),
      schemaKeys(schema).toSorted(),
      `of ${path || "the config"}`,
    );
  }
  // A variant's schema has no list of keys; these are the fields of the interfaces.
  assertEquals([...used.get("networks[]") ?? []].toSorted(), [
    "bootfile",
    "connect",
    "forward",
    "hostname",
    "id",
    "ifname",
    "listen",
    "localaddr",
    "mac",
    "mcast",
    "model",
    "restrict",
    "tftp",
    "type",
    "vhost",
  ]);
  assertEquals(
    [...used.get("networks[].forward[]") ?? []].toSorted(),
    ["guest", "guestAddress", "host", "hostAddress", "protocol"],
  );
});

/** The keys that an object's schema knows: what it says of a key that it does not. */
function schemaKeys(schema: Schema<unknown>): string[] {
  const issues: NewConfigIssue[] = [];
  schema({ "no such key": true }, new Place(issues));
  const unknown = issues.find(({ path }) => path === "no such key");
  assert(unknown !== undefined, "the schema is that of an object");
  return unknown.expected.replace("one of ", "").split(", ");
}

function collectKeys(value: unknown, path: string, used: Map<string, Set<string>>): void {
  if (Array.isArray(value)) { for (const item of value) collectKeys(item, `${path}[]`, used); }
  else if (typeof value === "object" && value !== null) {
    const keys = used.get(path) ?? new Set();
    used.set(path, keys);
    for (const [key, item] of Object.entries(value)) {
      keys.add(key);
      collectKeys(item, path === "" ? key : `${path}.${key}`, used);
    }
  }
}

Deno.test("compileArgv() starts every guest without QEMU's defaults, paused, and with the three built-in monitors", () => {
  for (const { config, facts } of goldens.values()) {
    const argv = compileArgv(parseVmConfig(config), { ...FACTS, ...facts }, PATHS);
    for (const word of ["-nodefaults", "-no-user-config", "-S", "-pidfile", "/run/vm/pid"]) {
      assertEquals(argv.filter((one) => one === word).length, 1, word);
    }
    const monitors = argv.filter((_, index) => argv[index - 1] === "-mon").slice(0, 3);
    assertEquals(monitors, [
      "chardev=control,mode=control",
      "chardev=watch,mode=control",
      "chardev=hmp,mode=readline",
    ]);
  }
});

Deno.test("compileArgv() never puts a secret's value on the command line", () => {
  const config = parseVmConfig({ secrets: [{ id: "s", value: "swordfish" }] });
  const argv = compileArgv(config, FACTS, PATHS);
  assert(argv.includes("secret,id=s,file=/run/vm/s.secret"));
  assert(!argv.join(" ").includes("swordfish"));
});

Deno.test("compileArgv() throws when a monitor's id makes its socket's path longer than QEMU and Deno take", () => {
  const deep = runPaths(`/${"d".repeat(80)}`);
  const error = assertThrows(
    () => compileArgv({ monitors: [{ id: "m".repeat(30) }] }, FACTS, deep),
    ConfigError,
  );
  assertEquals(error.issues.map(({ path }) => path), ["monitors[0].id"]);
  assert(error.message.includes("116 bytes"), error.message);
});

Deno.test("compileArgv() throws when a socket's path became too long as it was made absolute", () => {
  const config = resolveConfigPaths(
    parseVmConfig({
      monitors: [{ id: "m", address: { transport: "unix", path: "mon" } }],
      shares: [{ type: "virtiofs", socket: "fs", tag: "t" }],
      tpm: { socket: "tpm" },
      display: { vnc: "vnc" },
    }),
    `/${"d".repeat(104)}`,
  );
  const error = assertThrows(() => compileArgv(config, FACTS, PATHS), ConfigError);
  assertEquals(error.issues.map(({ path }) => path), [
    "monitors[0].address.path",
    "shares[0].socket",
    "tpm.socket",
    "display.vnc",
  ]);
});

Deno.test("compileArgv() gives an nvme drive its id for a serial number, as much of it as fits", () => {
  const config = parseVmConfig({ drives: [{ file: "f", interface: "nvme", id: "a-long-name-for-a-drive" }] });
  const argv = compileArgv(config, FACTS, PATHS);
  assert(
    argv.includes(
      "nvme,id=a-long-name-for-a-drive,drive=a-long-name-for-a-drive,serial=a-long-name-for-a-dr",
    ),
  );
});

Deno.test("compileArgv() logs CPU resets under tcg, unless the config has a log of its own or says no", () => {
  const logs = (config: unknown, accel: HostFacts["accel"]) =>
    compileArgv(parseVmConfig(config), { ...FACTS, accel }, PATHS).includes("/run/vm/resets.log");
  assertEquals(logs({}, "tcg"), true);
  assertEquals(logs({}, "kvm"), false);
  assertEquals(logs({ logResets: true }, "kvm"), true);
  assertEquals(logs({ logResets: false }, "tcg"), false);
  assertEquals(logs({ extraArgs: ["-D", "mine.log"] }, "tcg"), false);
  assertEquals(logs({ extraArgs: ["--d", "int"] }, "tcg"), false);
  assertEquals(logs({ extraArgs: ["-device", "edu"] }, "tcg"), true);
});

Deno.test("compileArgv() refuses a socket on which QEMU would listen twice, and says who has it", () => {
  const unix = (path: string) => ({ transport: "unix", path } as const);
  const tcp = (port: number) => ({ transport: "tcp", host: "localhost", port } as const);
  const clashing: [VmConfig, string, string][] = [
    [
      { monitors: [{ id: "a", address: unix("/s") }, { id: "b", mode: "readline", address: unix("/s") }] },
      "monitors[1].address.path",
      '"/s", which is that of monitors[0].address.path',
    ],
    [
      { monitors: [{ id: "a", address: unix("/run/vm/control") }] },
      "monitors[0].address.path",
      '"/run/vm/control", which is Qeeper\'s own socket "control"',
    ],
    [
      { monitors: [{ id: "a", address: unix("/run//vm/./x/../watch") }] },
      "monitors[0].address.path",
      '"/run//vm/./x/../watch", which is Qeeper\'s own socket "watch"',
    ],
    [
      { monitors: [{ id: "a" }, { id: "b", address: unix("/run/vm/a.mon") }] },
      "monitors[1].address.path",
      '"/run/vm/a.mon", which is that of monitors[0].id',
    ],
    [
      { monitors: [{ id: "a", address: unix("/s") }], display: { vnc: "/s" } },
      "display.vnc",
      '"/s", which is that of monitors[0].address.path',
    ],
    [
      { monitors: [{ id: "a", address: tcp(4444) }, { id: "b", address: tcp(4444) }] },
      "monitors[1].address.port",
      '"localhost:4444", which is that of monitors[0].address.port',
    ],
  ];
  for (const [config, path, found] of clashing) {
    const { issues } = assertThrows(() => compileArgv(config, FACTS, PATHS), ConfigError);
    assertEquals(issues.map((issue) => [issue.path, issue.expected, issue.found]), [[
      path,
      "a socket of its own",
      found,
    ]]);
  }
  const apart: VmConfig = {
    monitors: [
      ...[{ id: "a", address: tcp(0) }, { id: "b", address: tcp(0) }],
      // QEMU connects to these: one listener may have many.
      ...[{ id: "c", server: false, address: unix("/s") }, { id: "d", server: false, address: unix("/s") }],
    ],
  };
  assert(compileArgv(apart, FACTS, PATHS).length > 0);
});
