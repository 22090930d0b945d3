import { assertEquals } from "@std/assert";
import { memberOf, type Path } from "../../../../src/cli/shell/language/live_schema.ts";
import { SCHEMA } from "./_schema.ts";

Deno.test("LiveSchema has the names of commands and events, sorted, and leaves alone what it does not know", () => {
  assertEquals(SCHEMA.commands.slice(0, 3), ["balloon", "blockdev-add", "device_add"]);
  assertEquals(SCHEMA.events, ["SHUTDOWN", "STOP"]);
  assertEquals(SCHEMA.command("query-yank")?.oob, true);
  assertEquals(SCHEMA.command("SHUTDOWN"), undefined);
  assertEquals(SCHEMA.eventType("quit"), undefined);
  assertEquals(SCHEMA.kinds("novelty"), new Set(["any"] as const));
});

Deno.test("LiveSchema.members() brings in the members of the variant that the discriminator chooses", () => {
  const names = (given: unknown) => SCHEMA.members("node", given).map(({ name }) => name);
  assertEquals(names({}), ["driver", "node-name", "cache"]);
  assertEquals(names({ driver: "file" }), ["driver", "node-name", "cache", "filename", "aio"]);
  assertEquals(names({ driver: "nonsense" }), ["driver", "node-name", "cache"]);
  assertEquals(
    SCHEMA.members("ref", { driver: "null-co" }).length,
    3,
    "an alternate has those of its object",
  );
  assertEquals(SCHEMA.members("str", {}), []);
});

Deno.test("LiveSchema.at() walks members, lists, alternates and variants", () => {
  const table: [Path, unknown, string | undefined][] = [
    [[], {}, "node"],
    [["driver"], {}, "driver"],
    [["file"], {}, undefined],
    [["file"], { driver: "qcow2" }, "ref"],
    [["file", "filename"], { driver: "qcow2" }, undefined],
    [["file", "filename"], { driver: "qcow2", file: { driver: "file" } }, "str"],
    [
      ["file", "file", "aio"],
      { driver: "qcow2", file: { driver: "qcow2", file: { driver: "file" } } },
      "aio",
    ],
    [["driver", "deeper"], {}, undefined],
    [[0], {}, undefined],
  ];
  for (const [path, given, expected] of table) {
    assertEquals(SCHEMA.at("node", path, given), expected, path.join("."));
  }
  assertEquals(SCHEMA.at("args-capabilities", ["capabilities", 3, "state"], {}), "bool");
});

Deno.test("LiveSchema says what values, kinds and words a type has", () => {
  assertEquals(SCHEMA.values("panic"), ["none", "pause", "shutdown"]);
  assertEquals(SCHEMA.values("bool"), ["true", "false"]);
  assertEquals(SCHEMA.values("text-or-null"), ["null"]);
  assertEquals([SCHEMA.isEnum("panic"), SCHEMA.isEnum("str"), SCHEMA.isEnum("int")], [true, false, false]);
  assertEquals(SCHEMA.kinds("ref"), new Set(["object", "string"] as const));
  assertEquals(SCHEMA.element("[str]"), "str");
  assertEquals(SCHEMA.union("node"), { tag: "driver", cases: ["file", "qcow2"] });
  const words = ["panic", "text-or-null", "[str]", "any", "ref", "int"].map((type) => SCHEMA.describe(type));
  assertEquals(words, [
    "none, pause or shutdown",
    "string or null",
    "list of string",
    "any value",
    "object or string",
    "integer",
  ]);
});

Deno.test("memberOf() finds own members only", () => {
  assertEquals(memberOf({ a: 1 }, "a"), 1);
  for (const value of [null, undefined, "text", 5, {}, []]) {
    assertEquals(memberOf(value, "constructor"), undefined);
  }
});
