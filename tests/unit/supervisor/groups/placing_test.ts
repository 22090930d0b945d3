import { assertEquals, assertThrows } from "@std/assert";
import type { GroupMember } from "../../../../src/supervisor/groups/group.ts";
import { placeMember } from "../../../../src/supervisor/groups/placing.ts";

const PLACE = { folder: "/srv/shop", runDir: "/run/qeeper/a1b2c3d4" };

/** What becomes of a helper's command. */
function placed(...command: string[]): readonly string[] | undefined {
  return placeMember({ config: {}, helpers: [{ name: "h", command }] }, PLACE).helpers?.[0]?.command;
}

Deno.test("placeMember() puts the group's directory at the beginning of an argument, or behind an =", () => {
  const run = PLACE.runDir;
  const cases: [written: string, placed: string][] = [
    ["{run}", run],
    ["{run}/tpm", `${run}/tpm`],
    ["--socket-path={run}/fs", `--socket-path=${run}/fs`],
    ["type=unixio,path={run}/tpm,mode=0600", "type=unixio,path={run}/tpm,mode=0600".replace("{run}", run)],
    ["a={run}/a,b={run}/b", `a=${run}/a,b=${run}/b`],
    // Everything else is left as it is.
    ["x{run}/tpm", "x{run}/tpm"],
    ["{runs}/tpm", "{runs}/tpm"],
    ["{run}tpm", "{run}tpm"],
    ["{RUN}/tpm", "{RUN}/tpm"],
    ['{"run": "{run}/x"}', '{"run": "{run}/x"}'],
    ["-$(reboot)", "-$(reboot)"],
    ["$&{run}", "$&{run}"],
    ["", ""],
  ];
  for (const [written, expected] of cases) assertEquals(placed("true", written), ["true", expected]);
});

Deno.test("placeMember() puts it where a config names a helper's socket, and nowhere else", () => {
  const member: GroupMember = {
    config: {
      name: "web",
      tpm: { socket: "{run}/tpm" },
      shares: [
        { type: "virtiofs", socket: "{run}/www", tag: "www" },
        { type: "9p", path: "{run}/src", tag: "src" },
      ],
      append: "root={run}/x",
      extraArgs: ["-netdev", "stream,id=n0,addr.type=unix,addr.path={run}/net"],
    },
  };
  assertEquals(placeMember(member, PLACE).config, {
    name: "web",
    tpm: { socket: "/run/qeeper/a1b2c3d4/tpm" },
    shares: [
      { type: "virtiofs", socket: "/run/qeeper/a1b2c3d4/www", tag: "www" },
      { type: "9p", path: "/srv/shop/{run}/src", tag: "src" },
    ],
    append: "root={run}/x",
    extraArgs: ["-netdev", "stream,id=n0,addr.type=unix,addr.path=/run/qeeper/a1b2c3d4/net"],
  });
});

Deno.test("placeMember() starts relative names at the group's folder, in the config and of sockets", () => {
  const member: GroupMember = {
    config: { drives: [{ file: "web.img" }], tpm: { socket: "tpm.sock" } },
    helpers: [
      { name: "a", command: ["./swtpm"], socket: "tpm.sock" },
      { name: "b", command: ["b"], socket: "{run}/b" },
      { name: "c", command: ["c"], socket: "/c" },
    ],
  };
  const { config, helpers } = placeMember(member, PLACE);
  assertEquals(config, { drives: [{ file: "/srv/shop/web.img" }], tpm: { socket: "/srv/shop/tpm.sock" } });
  assertEquals(helpers?.map(({ socket }) => socket), [
    "/srv/shop/tpm.sock",
    "/run/qeeper/a1b2c3d4/b",
    "/c",
  ]);
  // It runs in the folder: what its arguments mean is its own affair.
  assertEquals(helpers?.[0]?.command, ["./swtpm"]);
});

Deno.test("placeMember() refuses a directory that a program could take for more than a path, where it is used", () => {
  const member = (arg: string): GroupMember => ({
    config: {},
    helpers: [{ name: "h", command: ["h", arg] }],
  });
  for (const runDir of ["/tmp/a,b/x", "/tmp/a b/x", "/tmp/a=b/x", "/tmp/a:b/x", "relative/x"]) {
    const place = { ...PLACE, runDir };
    assertThrows(() => placeMember(member("{run}/x"), place), TypeError, "name a runtimeDir");
    assertEquals(placeMember(member("x"), place).helpers?.[0]?.command, ["h", "x"]);
  }
});
