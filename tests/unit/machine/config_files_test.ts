import { assertEquals, assertThrows } from "@std/assert";
import { configFiles, resolveConfigPaths, type VmConfig } from "../../../src/machine/mod.ts";

/** A config with a relative file name wherever one can be. */
const EVERY_FILE: VmConfig = {
  binary: "bin/qemu",
  firmware: { bios: "b", code: "c", vars: "v" },
  kernel: "k",
  initrd: "i",
  drives: [{ file: "d0", snapshot: true }, { file: "/abs/d1" }],
  cdrom: "./cd",
  networks: [{ type: "user", tftp: "boot" }, { type: "user" }, { type: "none" }],
  shares: [{ type: "9p", path: "dir", tag: "t" }, { type: "virtiofs", socket: "fs", tag: "u" }],
  tpm: { socket: "tpm", model: "tpm-tis" },
  display: { vnc: "vnc" },
  monitors: [
    { id: "served", address: { transport: "unix", path: "m0" } },
    { id: "dialled", address: { transport: "unix", path: "m1" }, server: false },
    { id: "abstract", address: { transport: "unix", path: "\0m2" } },
    { id: "tcp", address: { transport: "tcp", host: "h", port: 1 } },
    { id: "plain" },
  ],
  secrets: [{ id: "s0", value: "no/file" }, { id: "s1", file: "key" }],
  extraArgs: ["raw"],
};

Deno.test("configFiles() gives what must exist before QEMU starts, not what QEMU makes itself", () => {
  assertEquals(configFiles(EVERY_FILE).map(({ path, file }) => `${path} ${file}`), [
    "firmware.bios b",
    "firmware.code c",
    "firmware.vars v",
    "kernel k",
    "initrd i",
    "drives[0].file d0",
    "drives[1].file /abs/d1",
    "cdrom ./cd",
    "networks[0].tftp boot",
    "shares[0].path dir",
    "shares[1].socket fs",
    "tpm.socket tpm",
    "monitors[1].address.path m1",
    "secrets[1].file key",
  ]);
  assertEquals(configFiles({}), []);
});

Deno.test("resolveConfigPaths() makes every relative name absolute and changes nothing else", () => {
  assertEquals(resolveConfigPaths(EVERY_FILE, "/base/"), {
    binary: "/base/bin/qemu",
    firmware: { bios: "/base/b", code: "/base/c", vars: "/base/v" },
    kernel: "/base/k",
    initrd: "/base/i",
    drives: [{ file: "/base/d0", snapshot: true }, { file: "/abs/d1" }],
    cdrom: "/base/cd",
    networks: [{ type: "user", tftp: "/base/boot" }, { type: "user" }, { type: "none" }],
    shares: [{ type: "9p", path: "/base/dir", tag: "t" }, { type: "virtiofs", socket: "/base/fs", tag: "u" }],
    tpm: { socket: "/base/tpm", model: "tpm-tis" },
    display: { vnc: "/base/vnc" },
    monitors: [
      { id: "served", address: { transport: "unix", path: "/base/m0" } },
      { id: "dialled", address: { transport: "unix", path: "/base/m1" }, server: false },
      { id: "abstract", address: { transport: "unix", path: "\0m2" } },
      { id: "tcp", address: { transport: "tcp", host: "h", port: 1 } },
      { id: "plain" },
    ],
    secrets: [{ id: "s0", value: "no/file" }, { id: "s1", file: "/base/key" }],
    extraArgs: ["raw"],
  });
});

Deno.test("resolveConfigPaths() leaves a binary's bare name to PATH, dots inside a name, and the config it was given", () => {
  const config: VmConfig = { binary: "qemu", kernel: "../a/./b", cdrom: ".//./c" };
  assertEquals(resolveConfigPaths(config, "/"), { binary: "qemu", kernel: "/../a/./b", cdrom: "/c" });
  assertEquals(config, { binary: "qemu", kernel: "../a/./b", cdrom: ".//./c" });
});

Deno.test("resolveConfigPaths() throws for a base that is not absolute", () => {
  assertThrows(
    () => resolveConfigPaths({}, "base"),
    TypeError,
    `Cannot resolve a config's files in "base": expected an absolute path`,
  );
});
