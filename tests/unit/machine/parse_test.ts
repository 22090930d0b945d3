import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError, parseVmConfig, type VmConfig } from "../../../src/machine/mod.ts";

const LONG = `/${"s".repeat(107)}`;

/** Configs that are refused, and every line that says why. */
const BAD: readonly [what: string, config: unknown, lines: readonly string[]][] = [
  ["a config that is no object", 5, ["expected an object, found 5"]],
  ["a config that is null", null, ["expected an object, found null"]],
  ["a list", [], ["expected an object, found a list"]],
  ["lists for objects", { topology: [], machineProps: [], boot: {}, actions: [] }, [
    "machineProps: expected an object of properties, found a list",
    "topology: expected an object, found a list",
    "actions: expected an object, found a list",
  ]],
  ["a list for a list's item", { networks: [[]], monitors: [{ id: "m" }] }, [
    "networks[0]: expected an object with type, found a list",
  ]],
  // deno-lint-ignore no-sparse-arrays -- a hole is what is refused
  ["a list with a hole", { extraArgs: [, "-S"], drives: [,] }, [
    "drives[0]: expected an object, found nothing",
    "extraArgs[0]: expected an argument, a string, found nothing",
  ]],
  ["a list that says something else of its items", {
    extraArgs: Object.assign(["a\0b"], { map: () => ["-S"] }),
  }, [
    'extraArgs[0]: expected an argument, a string without NUL, found "a\\u0000b"',
  ]],
  ["a misspelt word of a part", { networks: [{ type: "usr" }] }, [
    'networks[0].type: expected "user", "tap", "socket" or "none", found "usr", did you mean "user"?',
  ]],
  ["a misspelt key", { memoryMib: 64 }, [`memoryMib: unknown key, did you mean "memoryMiB"?`]],
  ["the beginning of a key", { memory: 64 }, [`memory: unknown key, did you mean "memoryMiB"?`]],
  ["swapped letters", { drvies: [] }, [`drvies: unknown key, did you mean "drives"?`]],
  [
    "a misspelt key of a part",
    { networks: [{ type: "user", foward: [] }] },
    [`networks[0].foward: unknown key, did you mean "forward"?`],
  ],
  [
    "a key that means nothing",
    { vsock: { cid: 3, port: 1 } },
    ["vsock.port: unknown key, expected one of cid"],
  ],
  ["a key that every object inherits", { topology: { constructor: 1 } }, [
    "topology.constructor: unknown key, expected one of sockets, dies, cores, threads",
  ]],
  ["__proto__", JSON.parse(`{"topology":{"__proto__":1}}`), [
    "topology.__proto__: unknown key, expected one of sockets, dies, cores, threads",
  ]],
  ["a missing key", { drives: [{}] }, ["drives[0].file: expected a file name, found nothing"]],
  ["undefined where a value is needed", { drives: [{ file: undefined }] }, [
    "drives[0].file: expected a file name, found nothing",
  ]],
  ["a wrong type", { name: 5 }, ["name: expected a name, found 5"]],
  ["null", { kernel: null }, ["kernel: expected the file name of a kernel, found null"]],
  ["an empty name", { name: "" }, [`name: expected a name, not empty, found ""`]],
  ["a NUL", { name: "a\0b" }, [`name: expected a name without NUL, found "a\\u0000b"`]],
  ["a lone surrogate", { append: "\ud800", kernel: "k" }, [
    `append: expected a kernel command line in well-formed Unicode, without lone surrogates, found "\\ud800"`,
  ]],
  ["a long string, quoted in part", { uuid: "x".repeat(100) }, [
    `uuid: expected a UUID, as in 3b0f1c2e-5b1a-4c7e-9a43-0d2f6c8e7a11, found "${
      "x".repeat(60)
    }"... (100 characters)`,
  ]],
  ["an architecture that is a path", { arch: "../x" }, [
    `arch: expected an architecture, as in x86_64 or aarch64, found "../x"`,
  ]],
  ["a machine with properties", { machine: "pc,usb=off" }, [
    `machine: expected the name of a machine type alone; its properties belong in machineProps, found "pc,usb=off"`,
  ]],
  ["a machine that would print a list", { machine: "help" }, [
    `machine: expected the name of a machine type, not the word that makes QEMU print a list, found "help"`,
  ]],
  ["a CPU that would print a list", { cpu: "?" }, [
    `cpu: expected a CPU model, not the word that makes QEMU print a list, found "?"`,
  ]],
  ["a property that is no name", { machineProps: { "a,b": 1 } }, [
    `machineProps.a,b: expected the name of a property: a letter, then letters, digits and ._-, found "a,b"`,
  ]],
  ["a property that is a field", { machineProps: { accel: "kvm" } }, [
    `machineProps.accel: expected the name of a property; for type and accel there are fields, found "accel"`,
  ]],
  ["a property of a wrong type", { machineProps: { usb: null } }, [
    "machineProps.usb: expected a string, a number, true or false, found null",
  ]],
  ["a property that is no number", { machineProps: { size: Infinity } }, [
    "machineProps.size: expected a finite number, found Infinity",
  ]],
  ["an unknown accelerator", { accel: "xen" }, [
    `accel: expected "auto", "kvm", "hvf" or "tcg", found "xen"`,
  ]],
  ["no CPU", { cpus: 0 }, ["cpus: expected a number of CPUs: an integer from 1 to 4096, found 0"]],
  ["half a MiB", { memoryMiB: 0.5 }, [
    "memoryMiB: expected an amount of memory in MiB: an integer from 1 to 4294967296, found 0.5",
  ]],
  ["memory as a bigint", { memoryMiB: 16n }, [
    "memoryMiB: expected an amount of memory in MiB: an integer from 1 to 4294967296, found 16n",
  ]],
  ["memory with a unit", { memoryMiB: "1G" }, [
    `memoryMiB: expected an amount of memory in MiB: an integer from 1 to 4294967296, found "1G"`,
  ]],
  ["CPUs that the topology does not give", { cpus: 3, topology: { cores: 2, threads: 2 } }, [
    "cpus: expected 4, which topology multiplies to, or nothing, found 3",
  ]],
  ["kernel arguments without a kernel", { append: "quiet", initrd: "i" }, [
    "initrd: expected a kernel beside it, found none",
    "append: expected a kernel beside it, found none",
  ]],
  ["UEFI variables without code", { firmware: { vars: "v" } }, [
    "firmware.vars: expected UEFI code beside the variables (firmware.code), found none",
  ]],
  ["two kinds of firmware", { firmware: { bios: "b", code: "c" } }, [
    "firmware.bios: expected either bios or code, found both",
  ]],
  ["drives that are no list", { drives: { file: "f" } }, [
    "drives: expected a list of drives, found an object",
  ]],
  ["an unknown interface", { drives: [{ file: "f", interface: "virtio" }] }, [
    `drives[0].interface: expected "virtio-blk", "scsi", "nvme", "ide", "floppy" or "none", found "virtio", did you mean "virtio-blk"?`,
  ]],
  ["a format that would print a list", { drives: [{ file: "f", format: "help" }] }, [
    `drives[0].format: expected the name of an image format, not the word that makes QEMU print a list, found "help"`,
  ]],
  ["a format with an option in it", { drives: [{ file: "f", format: "raw,readonly=on" }] }, [
    `drives[0].format: expected the name of an image format: letters, digits and _.+-, found "raw,readonly=on"`,
  ]],
  ["a long serial number", { drives: [{ file: "f", serial: "é".repeat(11) }] }, [
    `drives[0].serial: expected a serial number, at most 20 bytes, found "ééééééééééé"`,
  ]],
  ["an id that QEMU refuses", { drives: [{ file: "f", id: "0disk" }] }, [
    `drives[0].id: expected an id: a letter, then letters, digits and ._-, found "0disk"`,
  ]],
  ["what a floppy can't have", {
    drives: [{ file: "f", interface: "floppy", bootIndex: 1, serial: "s", werror: "stop" }],
  }, [
    `drives[0].serial: expected an interface that has serial numbers: virtio-blk, scsi, nvme, ide, found "floppy"`,
    `drives[0].bootIndex: expected an interface that has a place in the boot order: virtio-blk, scsi, nvme, ide, found "floppy"`,
    `drives[0].werror: expected an interface that has an error policy: virtio-blk, scsi, ide, found "floppy"`,
  ]],
  ["an error policy that nvme would ignore", { drives: [{ file: "f", interface: "nvme", rerror: "stop" }] }, [
    `drives[0].rerror: expected an interface that has an error policy: virtio-blk, scsi, ide, found "nvme"`,
  ]],
  ["a CD-ROM on virtio, and written to", {
    drives: [{ file: "f", media: "cdrom", interface: "virtio-blk", readonly: false }],
  }, [
    `drives[0].interface: expected "ide" or "scsi" for a CD-ROM, found "virtio-blk"`,
    "drives[0].readonly: expected true for a CD-ROM, found false",
  ]],
  ["a read-only IDE disk", { drives: [{ file: "f", interface: "ide", readonly: true }] }, [
    `drives[0].readonly: expected another interface, or snapshot, for IDE disks are never read-only, found "ide"`,
  ]],
  ["native AIO through the page cache", { drives: [{ file: "f", aio: "native" }] }, [
    `drives[0].aio: expected cache "none" or "directsync" for aio "native", found "writeback"`,
  ]],
  ["an encrypted image without a secret", { drives: [{ file: "f", format: "luks" }] }, [
    "drives[0].keySecret: expected the id of the secret that opens a luks image, found nothing",
  ]],
  ["a secret that there isn't, for an image that needs none", { drives: [{ file: "f", keySecret: "s" }] }, [
    `drives[0].keySecret: expected the id of one of secrets, found "s"`,
    `drives[0].keySecret: expected format "luks" or "qcow2" for it, found raw, by the file's name`,
  ]],
  ["an unknown network", { networks: [{ type: "bridge" }] }, [
    `networks[0].type: expected "user", "tap", "socket" or "none", found "bridge"`,
  ]],
  ["a network without a type", { networks: [{}] }, [
    `networks[0].type: expected "user", "tap", "socket" or "none", found nothing`,
  ]],
  ["a network that is a word", { networks: ["user"] }, [
    `networks[0]: expected an object with type, found "user"`,
  ]],
  ["another network's key", { networks: [{ type: "tap", ifname: "t", forward: [] }] }, [
    "networks[0].forward: unknown key, expected one of type, id, model, mac, ifname, vhost",
  ]],
  ["a port out of range", { networks: [{ type: "user", forward: [{ guest: 0, host: 65536 }] }] }, [
    "networks[0].forward[0].host: expected a port of the host: an integer from 0 (QEMU chooses) to 65535, found 65536",
    "networks[0].forward[0].guest: expected a port of the guest: an integer from 1 to 65535, found 0",
  ]],
  ["an address with a forward in it", {
    networks: [{ type: "user", forward: [{ guest: 1, hostAddress: "1.2.3.4:5-" }] }],
  }, [
    `networks[0].forward[0].hostAddress: expected an IPv4 address, found "1.2.3.4:5-"`,
  ]],
  ["a MAC address with dashes", { networks: [{ type: "user", mac: "52-54-00-12-34-56" }] }, [
    `networks[0].mac: expected a MAC address, as in 52:54:00:12:34:56, found "52-54-00-12-34-56"`,
  ]],
  ["a long interface name", { networks: [{ type: "tap", ifname: "abcdefghijklmnop" }] }, [
    `networks[0].ifname: expected the name of a network interface, at most 15 bytes, found "abcdefghijklmnop"`,
  ]],
  ["a cable with no end", { networks: [{ type: "socket" }] }, [
    "networks[0]: expected exactly one of listen, connect and mcast, found none",
  ]],
  ["a cable with two ends", { networks: [{ type: "socket", listen: ":1", connect: ":1" }] }, [
    "networks[0]: expected exactly one of listen, connect and mcast, found listen and connect",
  ]],
  ["a local address without multicast", {
    networks: [{ type: "socket", listen: ":1", localaddr: "127.0.0.1" }],
  }, [
    "networks[0].localaddr: expected mcast beside it, found listen",
  ]],
  ["an unknown console", { console: "vga" }, [
    `console: expected true, false, "serial", "virtio" or "none", found "vga"`,
  ]],
  ["a context id of the host's", { vsock: { cid: 2 } }, [
    "vsock.cid: expected a context id: an integer from 3 to 4294967294, found 2",
  ]],
  ["a long mount tag", { shares: [{ type: "9p", path: "p", tag: "t".repeat(32) }] }, [
    `shares[0].tag: expected a mount tag, at most 31 bytes, found "${"t".repeat(32)}"`,
  ]],
  ["sockets with long paths", {
    tpm: { socket: LONG },
    display: { vnc: LONG },
    monitors: [{ id: "m", address: { transport: "unix", path: LONG } }],
    shares: [{ type: "virtiofs", socket: LONG, tag: "t" }],
  }, [
    `shares[0].socket: expected the path of a unix socket, at most 107 bytes, found "/${
      "s".repeat(59)
    }"... (108 characters)`,
    `tpm.socket: expected the path of a unix socket, at most 107 bytes, found "/${
      "s".repeat(59)
    }"... (108 characters)`,
    `display.vnc: expected the path of a unix socket, at most 107 bytes, found "/${
      "s".repeat(59)
    }"... (108 characters)`,
    `monitors[0].address.path: expected the path of a unix socket, at most 107 bytes, found "/${
      "s".repeat(59)
    }"... (108 characters)`,
  ]],
  ["an abstract socket with a NUL", {
    monitors: [{ id: "m", address: { transport: "unix", path: "\0a\0" } }],
  }, [
    `monitors[0].address.path: expected the name of an abstract socket, found "\\u0000a\\u0000"`,
  ]],
  ["a display of the desktop", { display: "gtk" }, [
    `display: expected "none" or { vnc: the path of a unix socket }, found "gtk"`,
  ]],
  ["an unknown transport", { monitors: [{ id: "m", address: { transport: "vsock" } }] }, [
    `monitors[0].address.transport: expected "unix", "tcp" or "stdio", found "vsock"`,
  ]],
  ["Qeeper's own monitors", {
    monitors: [{ id: "control" }, { id: "watch" }, { id: "hmp" }, { id: "recorder" }, { id: "tie" }],
  }, [
    `monitors[0].id: expected another id, for Qeeper uses this one itself, found "control"`,
    `monitors[1].id: expected another id, for Qeeper uses this one itself, found "watch"`,
    `monitors[2].id: expected another id, for Qeeper uses this one itself, found "hmp"`,
    `monitors[3].id: expected another id, for Qeeper uses this one itself, found "recorder"`,
    `monitors[4].id: expected another id, for Qeeper uses this one itself, found "tie"`,
  ]],
  ["Qeeper's own channels", {
    monitors: [{ id: "console" }],
    drives: [{ file: "f", id: "agent" }],
    secrets: [{ id: "fs0", value: "" }],
  }, [
    `drives[0].id: expected another id, for Qeeper uses this one itself, found "agent"`,
    `monitors[0].id: expected another id, for Qeeper uses this one itself, found "console"`,
    `secrets[0].id: expected another id, for Qeeper uses this one itself, found "fs0"`,
  ]],
  ["one id twice", { monitors: [{ id: "m" }, { id: "m" }] }, [
    `monitors[1].id: expected an id of its own, found "m", which monitors[0] has`,
  ]],
  ["an id that another part has by its place", {
    drives: [{ file: "f" }],
    networks: [{ type: "user", id: "disk0" }],
  }, [
    `networks[0].id: expected an id of its own, found "disk0", which drives[0] has`,
  ]],
  ["an id that a part before it has by name", { drives: [{ file: "f", id: "disk1" }, { file: "g" }] }, [
    `drives[1]: expected an id of its own, found "disk1", which drives[0] has`,
  ]],
  ["an id that is a card's", { networks: [{ type: "user" }], monitors: [{ id: "net0-nic" }] }, [
    `monitors[0].id: expected an id of its own, found "net0-nic", which networks[0] has`,
  ]],
  ["a monitor for people on stdio", {
    monitors: [{ id: "m", mode: "readline", address: { transport: "stdio" } }],
  }, [
    `monitors[0].mode: expected "control" on stdio, which has nothing that a person could connect to, found "readline"`,
  ]],
  ["pretty on a monitor for people", { monitors: [{ id: "m", mode: "readline", pretty: true }] }, [
    `monitors[0].pretty: expected mode "control" for it, found "readline"`,
  ]],
  ["two monitors on one stdin", {
    monitors: [{ id: "a", address: { transport: "stdio" } }, { id: "b", address: { transport: "stdio" } }],
  }, [
    "monitors[1].address: expected another transport, for QEMU has one stdin, found stdio, as in monitors[0]",
  ]],
  ["a client with nothing to connect to", {
    monitors: [{ id: "a", server: false }, { id: "b", server: false, address: { transport: "stdio" } }],
  }, [
    "monitors[0].server: expected the address of a socket to connect to, found no address",
    "monitors[1].server: expected the address of a socket to connect to, found stdio",
  ]],
  ["a secret with neither", { secrets: [{ id: "s" }] }, [
    "secrets[0].value: expected the secret's value, a string, found nothing",
  ]],
  ["a secret with both", { secrets: [{ id: "s", value: "v", file: "f" }] }, [
    "secrets[0].file: unknown key, expected one of id, value",
  ]],
  ["a secret that no argument could carry, unquoted", { secrets: [{ id: "s", value: "hunter\0two" }] }, [
    "secrets[0].value: expected the secret's value, a string without NUL, found something else",
  ]],
  ["a date in words", { rtc: { base: "tomorrow" } }, [
    `rtc.base: expected "utc", "localtime" or a date as in 2026-11-21T10:00:00, found "tomorrow"`,
  ]],
  ["drives by name", { boot: { order: "disk" } }, [
    `boot.order: expected a boot order: letters a to p, as in "cd", found "disk"`,
  ]],
  ["an unknown sandbox", { sandbox: "deny-all" }, [
    `sandbox: expected true, false or "allow-spawn", found "deny-all"`,
  ]],
  ["an unknown action", { actions: { panic: "poweroff" } }, [
    `actions.panic: expected "none", "pause", "shutdown" or "exit-failure", found "poweroff"`,
  ]],
  ["an argument that is no string", { extraArgs: ["-m", 64, undefined] }, [
    "extraArgs[1]: expected an argument, a string, found 64",
    "extraArgs[2]: expected an argument, a string, found nothing",
  ]],
  [
    "devices on the machine that has no bus",
    {
      machine: "none",
      drives: [{ file: "f" }],
      networks: [{ type: "user" }],
      console: true,
      agent: true,
      pvpanic: true,
    },
    ["drives", "networks", "console", "pvpanic", "agent"].map((key) =>
      `${key}: expected a machine type with a bus for it, found machine "none", which has none`
    ),
  ],
];

for (const [what, config, lines] of BAD) {
  Deno.test(`parseVmConfig() refuses ${what}`, () => {
    const error = assertThrows(() => parseVmConfig(config), ConfigError);
    assertEquals(error.issues.map(({ message }) => message), lines);
    assertEquals(
      error.message,
      lines.length === 1
        ? `Invalid VM config: ${lines[0]}`
        : `Invalid VM config, ${lines.length} problems\n${lines.map((line) => `- ${line}`).join("\n")}`,
    );
    for (const { message, path } of error.issues) assert(message.startsWith(path));
  });
}

Deno.test("ConfigError.issues has the place, what was expected and what was found apart", () => {
  const error = assertThrows(() => parseVmConfig({ cpus: "two", dirves: [] }), ConfigError);
  assertEquals(error.name, "ConfigError");
  assertEquals(error.issues, [
    {
      path: "cpus",
      expected: "a number of CPUs: an integer from 1 to 4096",
      found: `"two"`,
      message: `cpus: expected a number of CPUs: an integer from 1 to 4096, found "two"`,
    },
    {
      path: "dirves",
      expected: `"drives"`,
      found: `unknown key "dirves"`,
      message: `dirves: unknown key, did you mean "drives"?`,
    },
  ]);
});

Deno.test("parseVmConfig() returns a copy without keys that are undefined, and fills in nothing", () => {
  const input = { name: "a", cpu: undefined, drives: [{ file: "f", id: undefined }], boot: {} };
  const config = parseVmConfig(input);
  assertEquals(config, { name: "a", drives: [{ file: "f" }], boot: {} });
  assert(!("cpu" in config));
  assert(config.drives?.[0] !== input.drives[0]);
  const secrets = [{ id: "s", file: "f", value: undefined }, { id: "t", value: "v", file: undefined }];
  assertEquals(parseVmConfig({ secrets }).secrets, [{ id: "s", file: "f" }, { id: "t", value: "v" }]);
});

Deno.test("parseVmConfig() takes firmware code without variables, a frozen config, and one without a prototype", () => {
  assertEquals(parseVmConfig({ firmware: { code: "c" } }), { firmware: { code: "c" } });
  assertEquals(parseVmConfig(Object.freeze({ drives: Object.freeze([]) })), { drives: [] });
  assertEquals(parseVmConfig(Object.assign(Object.create(null), { name: "n" })), { name: "n" });
});

Deno.test("parseVmConfig() ends on a config that contains itself", () => {
  const config: Record<string, unknown> = { name: "loop" };
  config.drives = [config];
  assertThrows(() => parseVmConfig(config), ConfigError);
});

Deno.test("parseVmConfig() takes what a machine without a bus can have", () => {
  const config: VmConfig = {
    machine: "none",
    drives: [{ file: "f", interface: "none" }],
    networks: [{ type: "none" }],
    console: false,
    display: "none",
    vga: "none",
    pvpanic: false,
    monitors: [{ id: "m" }],
  };
  assertEquals(parseVmConfig(config), config);
});

Deno.test("VmConfig takes a drive's interface from a variable, and parseVmConfig() checks the word", () => {
  for (const on of ["virtio-blk", "scsi", "nvme", "ide", "floppy", "none"]) {
    const config: VmConfig = { drives: [{ file: "f", interface: on }] };
    assertEquals(parseVmConfig(config), config);
  }
});
