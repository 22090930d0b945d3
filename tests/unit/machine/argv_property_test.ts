// Whatever a config's strings are, QEMU gets them as they are, or the config is refused with the place named; and no string adds an
// option, or a key to one. The decoder here is written from QEMU's rule alone: a comma ends a value, two commas are one.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  compileArgv,
  ConfigError,
  type HostFacts,
  parseVmConfig,
  runPaths,
  secretFiles,
  type VmConfig,
} from "../../../src/machine/mod.ts";

const FACTS: HostFacts = { binary: "qemu-system-x86_64", arch: "x86_64", accel: "tcg", sandbox: true };
const PATHS = runPaths("/run/vm");

/** Undoes QEMU's option syntax: the head, if there is one, and the values of each key. */
function decode(argument: string): { head: string | undefined; values: Map<string, string[]> } {
  const words: string[] = [];
  let word = "";
  for (let i = 0; i < argument.length; i++) {
    if (argument[i] !== ",") word += argument[i];
    else if (argument[i + 1] === ",") [word, i] = [`${word},`, i + 1];
    else [word] = ["", words.push(word)];
  }
  words.push(word);
  const values = new Map<string, string[]>();
  let head: string | undefined;
  for (const [index, one] of words.entries()) {
    const equals = one.indexOf("=");
    // With an equals sign the first word is a pair like all others, whatever it is meant to be.
    if (index === 0 && equals < 0) head = one;
    else values.set(one.slice(0, equals), [...values.get(one.slice(0, equals)) ?? [], one.slice(equals + 1)]);
  }
  return { head, values };
}

/** The arguments of an option, in order. */
function argumentsOf(argv: readonly string[], option: string): string[] {
  return argv.filter((_, index) => argv[index - 1] === option);
}

/** One place in a config where a string goes in, and how it is read back from the command line. */
interface Slot {
  /** The place, as an error names it. */
  path: string;
  config: (text: string) => unknown;
  /** What QEMU would read there. */
  read: (argv: readonly string[], text: string) => string | undefined;
}

const value = (option: string, key: string, place = 0) => (argv: readonly string[]) =>
  decode(argumentsOf(argv, option)[place] ?? "").values.get(key)?.[0];
const raw = (option: string) => (argv: readonly string[]) => argumentsOf(argv, option)[0];
const last = (option: string, key: string) => (argv: readonly string[]) =>
  decode(argumentsOf(argv, option).at(-1) ?? "").values.get(key)?.[0];
const drive = (more: object) => (file: string) => ({ drives: [{ file, format: "raw", ...more }] });

const SLOTS: readonly Slot[] = [
  { path: "name", config: (name) => ({ name }), read: value("-name", "guest") },
  { path: "kernel", config: (kernel) => ({ kernel }), read: raw("-kernel") },
  { path: "initrd", config: (initrd) => ({ kernel: "k", initrd }), read: raw("-initrd") },
  { path: "append", config: (append) => ({ kernel: "k", append }), read: raw("-append") },
  { path: "cpu", config: (cpu) => ({ cpu }), read: raw("-cpu") },
  { path: "incoming", config: (incoming) => ({ incoming, sandbox: false }), read: raw("-incoming") },
  { path: "firmware.bios", config: (bios) => ({ firmware: { bios } }), read: raw("-bios") },
  {
    path: "firmware.code",
    config: (code) => ({ firmware: { code } }),
    read: value("-drive", "file.filename"),
  },
  {
    path: "firmware.vars",
    config: (vars) => ({ firmware: { code: "c", vars } }),
    read: value("-drive", "file.filename", 1),
  },
  { path: "cdrom", config: (cdrom) => ({ cdrom }), read: value("-drive", "file.filename") },
  ...["virtio-blk", "scsi", "nvme", "ide", "floppy", "none"].map((on): Slot => ({
    path: "drives[0].file",
    config: drive({ interface: on }),
    read: value("-drive", "file.filename"),
  })),
  {
    path: "drives[0].file",
    config: drive({ snapshot: true, driver: "host_device" }),
    read: value("-drive", "file.filename"),
  },
  {
    path: "drives[0].id",
    config: (id) => ({ drives: [{ file: "f", id }] }),
    read: (argv, id) => {
      const device = decode(argumentsOf(argv, "-device")[0] ?? "").values;
      assertEquals([device.get("id"), device.get("drive")], [[id], [id]]);
      return value("-drive", "id")(argv);
    },
  },
  {
    path: "drives[0].serial",
    config: (serial) => ({ drives: [{ file: "f", serial }] }),
    read: value("-device", "serial"),
  },
  {
    path: "drives[0].format",
    config: (format) => ({
      drives: [{ file: "f", format, ...(format === "luks" ? { keySecret: "s" } : {}) }],
      secrets: [{ id: "s", file: "f" }],
    }),
    read: value("-drive", "format"),
  },
  {
    path: "networks[0].id",
    config: (id) => ({ networks: [{ type: "user", id }] }),
    read: (argv, id) => {
      const card = decode(argumentsOf(argv, "-device")[0] ?? "").values;
      assertEquals([card.get("id"), card.get("netdev")], [[`${id}-nic`], [id]]);
      return value("-netdev", "id")(argv);
    },
  },
  {
    path: "networks[0].model",
    config: (model) => ({ networks: [{ type: "user", model }] }),
    read: (argv) => decode(argumentsOf(argv, "-device")[0] ?? "").head,
  },
  {
    path: "networks[0].mac",
    config: (mac) => ({ networks: [{ type: "user", mac }] }),
    read: value("-device", "mac"),
  },
  ...["hostname", "tftp", "bootfile"].map((key): Slot => ({
    path: `networks[0].${key}`,
    config: (text) => ({ networks: [{ type: "user", [key]: text }] }),
    read: value("-netdev", key),
  })),
  {
    path: "networks[0].forward[0].hostAddress",
    config: (hostAddress) => ({ networks: [{ type: "user", forward: [{ guest: 1, hostAddress }] }] }),
    read: (argv) => /^tcp:(.*):0-:1$/.exec(value("-netdev", "hostfwd")(argv) ?? "")?.[1],
  },
  {
    path: "networks[0].ifname",
    config: (ifname) => ({ networks: [{ type: "tap", ifname }] }),
    read: value("-netdev", "ifname"),
  },
  {
    path: "networks[0].listen",
    config: (listen) => ({ networks: [{ type: "socket", listen }] }),
    read: value("-netdev", "listen"),
  },
  {
    path: "watchdog",
    config: (watchdog) => ({ watchdog }),
    read: (argv) => argumentsOf(argv, "-device")[0]?.split(",")[0],
  },
  {
    path: "shares[0].path",
    config: (path) => ({ shares: [{ type: "9p", path, tag: "t" }] }),
    read: value("-fsdev", "path"),
  },
  {
    path: "shares[0].tag",
    config: (tag) => ({ shares: [{ type: "9p", path: "p", tag }] }),
    read: last("-device", "mount_tag"),
  },
  {
    path: "shares[0].socket",
    config: (socket) => ({ shares: [{ type: "virtiofs", socket, tag: "t" }] }),
    read: last("-chardev", "path"),
  },
  {
    path: "shares[0].tag",
    config: (tag) => ({ shares: [{ type: "virtiofs", socket: "s", tag }] }),
    read: last("-device", "tag"),
  },
  { path: "tpm.socket", config: (socket) => ({ tpm: { socket } }), read: last("-chardev", "path") },
  {
    path: "display.vnc",
    config: (vnc) => ({ display: { vnc } }),
    read: (argv) => value("-vnc", "vnc")(argv)?.slice("unix:".length),
  },
  {
    path: "vga",
    config: (vga) => ({ vga }),
    read: (argv, vga) => raw("-vga")(argv) ?? (vga === "none" ? vga : undefined),
  },
  {
    path: "monitors[0].id",
    config: (id) => ({ monitors: [{ id }] }),
    read: (argv, id) => {
      assertEquals(value("-mon", "chardev", 3)(argv), id);
      assertEquals(value("-chardev", "path", 3)(argv), PATHS.monitor(id));
      return value("-chardev", "id", 3)(argv);
    },
  },
  {
    path: "monitors[0].address.path",
    config: (path) => ({ monitors: [{ id: "m", address: { transport: "unix", path } }] }),
    read: (argv) => {
      const { values } = decode(argumentsOf(argv, "-chardev")[3] ?? "");
      return `${values.has("abstract") ? "\0" : ""}${values.get("path")?.[0]}`;
    },
  },
  {
    path: "monitors[0].address.host",
    config: (host) => ({ monitors: [{ id: "m", address: { transport: "tcp", host, port: 1 } }] }),
    read: value("-chardev", "host", 3),
  },
  {
    path: "secrets[0].id",
    config: (id) => ({ secrets: [{ id, value: "v" }] }),
    read: (argv, id) => {
      assertEquals(value("-object", "file")(argv), PATHS.secret(id));
      return value("-object", "id")(argv);
    },
  },
  {
    path: "secrets[0].file",
    config: (file) => ({ secrets: [{ id: "s", file }] }),
    read: value("-object", "file"),
  },
  {
    path: "machine",
    config: (machine) => ({ machine }),
    read: raw("-machine"),
  },
  {
    path: "machineProps.prop",
    config: (prop) => ({ machineProps: { prop } }),
    read: value("-machine", "prop"),
  },
  { path: "rtc.base", config: (base) => ({ rtc: { base } }), read: value("-rtc", "base") },
  { path: "boot.order", config: (order) => ({ boot: { order } }), read: value("-boot", "order") },
  { path: "uuid", config: (uuid) => ({ uuid }), read: raw("-uuid") },
  {
    path: "extraArgs[0]",
    config: (arg) => ({ extraArgs: [arg], logResets: false, sandbox: false }),
    read: (argv) => argv.at(-1),
  },
];

const HOSTILE = [
  "",
  ",",
  ",,",
  ",,,",
  "a,b",
  "a,,b",
  ",id=x",
  "x,readonly=on",
  "=",
  "help",
  "?",
  "-S",
  "--daemonize",
  "-daemonize\n-S",
  "nbd:localhost:10809",
  'json:{"driver":"null-co"}',
  "fat:rw:/",
  "file:x",
  "unix:",
  "a b",
  '"',
  "'",
  "\\,",
  "\0",
  "\0abstract,name",
  "a\0b",
  "\ud800",
  "é😀",
  "x".repeat(200),
  "../x",
  "/",
  "none",
  "luks",
  "on",
  "control",
  "constructor",
  "__proto__",
  "2026-01-01",
  "52:54:00:00:00:01",
  "127.0.0.1",
  "127.0.0.1:1",
  "3b0f1c2e-5b1a-4c7e-9a43-0d2f6c8e7a11",
];
const unit = fc.oneof(
  fc.constantFrom(
    ",",
    "=",
    ":",
    '"',
    "'",
    "\\",
    " ",
    "-",
    "/",
    ".",
    "a",
    "b",
    "1",
    "\0",
    "\n",
    "\t",
    "{",
    "é",
    "😀",
  ),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);
const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit, maxLength: 40 }));

/** Options that take no argument; every other takes the next word, whatever that looks like. */
const FLAGS = ["-nodefaults", "-no-user-config", "-S"];
/** Options whose argument QEMU takes as it is. */
const RAW = [
  "-kernel",
  "-initrd",
  "-append",
  "-cpu",
  "-incoming",
  "-bios",
  "-uuid",
  "-vga",
  "-pidfile",
  "-D",
];

/** What no string may change: the options in their order, and of each argument the keys. Read as QEMU reads it, word by word. */
function shape(argv: readonly string[]): string[] {
  const options: string[] = [];
  for (let index = 1; index < argv.length; index++) {
    const option = argv[index] ?? "";
    const argument = FLAGS.includes(option) ? undefined : argv[++index];
    const keys = argument === undefined || RAW.includes(option) ? [] : [...decode(argument).values.keys()];
    options.push([option, ...keys].join(" "));
  }
  return options;
}

for (const slot of SLOTS) {
  const where = JSON.stringify(slot.config("ANY"));
  Deno.test(`compileArgv() passes any string in ${where} to QEMU as it is, or parseVmConfig() refuses ${slot.path}`, () => {
    let passed = 0;
    const shapes = new Set<string>();
    fc.assert(
      fc.property(text, (string) => {
        let config: VmConfig;
        try {
          config = parseVmConfig(slot.config(string));
        } catch (error) {
          assert(error instanceof ConfigError, String(error));
          assertEquals(error.issues.map(({ path }) => path), [slot.path]);
          return;
        }
        const argv = compileArgv(config, FACTS, PATHS);
        assertEquals(slot.read(argv, string), string);
        passed++;
        // Three words mean something: a machine without devices, a format that names its key another way, an abstract socket.
        const means = string === "none" || string === "luks" || string.startsWith("\0");
        // Raw arguments are the user's own options; they come last.
        if (!means) shapes.add(shape(slot.path === "extraArgs[0]" ? argv.slice(0, -1) : argv).join("\n"));
      }),
      // The hostile ones always, so that each place gets at least one string through.
      { numRuns: 300, examples: HOSTILE.map((string): [string] => [string]) },
    );
    assert(passed > 0, "some string gets through");
    assertEquals(shapes.size, 1, [...shapes].join("\n\n"));
  });
}

Deno.test("compileArgv() keeps any secret off the command line, and secretFiles() has it to the letter", () => {
  fc.assert(fc.property(text, fc.string({ minLength: 12, unit }), (prefix, rest) => {
    const secret = `${prefix}${rest}`;
    let config: VmConfig;
    try {
      config = parseVmConfig({ secrets: [{ id: "s", value: secret }] });
    } catch (error) {
      assert(error instanceof ConfigError);
      assert(!error.message.includes(JSON.stringify(secret)), "the error does not quote the secret");
      return;
    }
    assert(!compileArgv(config, FACTS, PATHS).some((word) => word.includes(secret)));
    assertEquals(secretFiles(config, PATHS), [{ file: "/run/vm/s.secret", content: secret }]);
  }));
});
