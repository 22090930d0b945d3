import { assert, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../../src/supervisor/groups/vm_group.ts";
import { parseGroup } from "../../../../src/supervisor/groups/parse_group.ts";

/** What is said of a group, line by line. */
function said(group: unknown): string[] {
  return assertThrows(() => parseGroup(group), GroupError).issues.map(({ message }) => message);
}

const tpm = {
  name: "tpm",
  command: ["swtpm", "socket"],
  socket: "{run}/tpm",
  readyWithinMs: 5_000,
  onEnd: "report",
};

Deno.test("parseGroup() returns a copy with each guest's name in its config, and fills in nothing else", () => {
  const group = {
    name: "shop",
    strategy: "rest-for-one",
    vms: {
      "the db": { config: { memoryMiB: 64 }, restart: "always" },
      web: {
        config: { name: "web", tpm: { socket: "{run}/tpm" } },
        dependsOn: ["the db"],
        helpers: [tpm],
        probes: [{ kind: "console", for: "readiness", pattern: "login: " }],
        readyWithinMs: 60_000,
        limit: { restarts: 1, withinMs: 2 },
      },
    },
  };
  const parsed: unknown = parseGroup(group);
  assertEquals(parsed, {
    ...group,
    vms: {
      "the db": { config: { name: "the db", memoryMiB: 64 }, restart: "always" },
      web: group.vms.web,
    },
  });
  assertEquals(parseGroup({ vms: { a: { config: {} } } }), { vms: { a: { config: { name: "a" } } } });
});

Deno.test("parseGroup() says where it is wrong, what is expected and what is there", () => {
  const a = { config: {} };
  const helper = (part: object) => ({
    vms: { a: { config: {}, helpers: [{ name: "h", command: ["h"], ...part }] } },
  });
  const cases: [group: unknown, said: string][] = [
    [null, "expected an object, found null"],
    [[], "expected an object, found a list"],
    [{}, "vms: expected an object, found nothing"],
    [{ vms: {} }, "vms: expected at least one guest, found an empty object"],
    [{ vms: { a }, vmss: 1 }, 'vmss: unknown key, did you mean "vms"?'],
    [{ vms: { a }, gizmo: 1 }, "gizmo: unknown key, expected one of name, strategy, vms"],
    [
      { vms: { a }, name: "../x" },
      'name: expected a name: letters, digits and ._-, at most 64, found "../x"',
    ],
    [
      { vms: { a }, strategy: "one-for-al" },
      'strategy: expected "one-for-one", "one-for-all" or "rest-for-one", found "one-for-al", did you mean "one-for-all"?',
    ],
    [{ vms: { a: 5 } }, "vms.a: expected an object, found 5"],
    [{ vms: { a: {} } }, "vms.a.config: expected an object, found nothing"],
    [{ vms: { a: { ...a, depends: [] } } }, 'vms.a.depends: unknown key, did you mean "dependsOn"?'],
    [
      { vms: { a: { config: { cpus: 0 } } } },
      "vms.a.config.cpus: expected a number of CPUs: an integer from 1 to 4096, found 0",
    ],
    [{ vms: { a: { config: { nmae: "a" } } } }, 'vms.a.config.nmae: unknown key, did you mean "name"?'],
    [{ vms: { a: { config: { name: "b" } } } }, 'vms.a.config.name: expected "a", or nothing, found "b"'],
    [{ vms: { "": a } }, 'vms.: expected a name, not empty, found ""'],
    [{ vms: { a: { ...a, dependsOn: "b" } } }, 'vms.a.dependsOn: expected a list, found "b"'],
    [
      { vms: { web: a, cache: { ...a, dependsOn: ["webb"] } } },
      'vms.cache.dependsOn[0]: there is no guest "webb", did you mean "web"?',
    ],
    [
      { vms: { web: a, cache: { ...a, dependsOn: ["database"] } } },
      'vms.cache.dependsOn[0]: expected one of web, cache, found "database"',
    ],
    [
      { vms: { web: a, cache: { ...a, dependsOn: [5] } } },
      "vms.cache.dependsOn[0]: expected one of web, cache, found 5",
    ],
    [{ vms: { a: { ...a, dependsOn: [1n] } } }, "vms.a.dependsOn[0]: expected one of a, found 1n"],
    [
      { vms: { a: { ...a, dependsOn: ["a"] } } },
      'vms.a.dependsOn[0]: expected another guest, found "a" itself',
    ],
    [
      { vms: { a, b: { ...a, dependsOn: ["a", "a"] } } },
      'vms.b.dependsOn[1]: expected each guest once, found "a" again',
    ],
    [
      {
        vms: {
          x: a,
          a: { ...a, dependsOn: ["x", "b"] },
          b: { ...a, dependsOn: ["c"] },
          c: { ...a, dependsOn: ["a"] },
        },
      },
      "vms.a.dependsOn: these wait for each other: a -> b -> c -> a; take one of the dependencies out",
    ],
    [
      { vms: { a: { ...a, readyWithinMs: -1 } } },
      "vms.a.readyWithinMs: expected milliseconds, a number from 0 to 2147483647, found -1",
    ],
    [
      { vms: { a: { ...a, restart: "sometimes" } } },
      "vms.a.restart: Cannot supervise as 'restart' must be one of no, on-success, on-failure, on-abnormal, always: " +
      'current value is "sometimes"',
    ],
    [
      { vms: { a: { ...a, limit: { restarts: -1, withinMs: 1 } } } },
      "vms.a.limit.restarts: Cannot supervise as 'limit.restarts' must be a number of at least 0: current value is -1",
    ],
    [{ vms: { a: { ...a, backoff: 5 } } }, "vms.a.backoff: expected an object, found 5"],
    [
      { vms: { a: { ...a, probes: [{ kind: "agent", for: "readiness" }] } } },
      "vms.a.probes[0]: Cannot supervise as 'probes[0]' needs the config to have agent: true",
    ],
    [
      helper({ name: "-h" }),
      'vms.a.helpers[0].name: expected a name: letters, digits and ._-, at most 64, found "-h"',
    ],
    [helper({ command: [] }), "vms.a.helpers[0].command[0]: expected a program, found nothing"],
    [helper({ command: ["-c", "x"] }), 'vms.a.helpers[0].command[0]: expected a program, found "-c"'],
    [helper({ command: "swtpm socket" }), 'vms.a.helpers[0].command: expected a list, found "swtpm socket"'],
    [
      helper({ command: ["h", 5, "a\0b"] }),
      "vms.a.helpers[0].command[1]: expected a string without NUL, found 5",
    ],
    [helper({ socket: "" }), 'vms.a.helpers[0].socket: expected the path of a unix socket, found ""'],
    [helper({ onEnd: "ignore" }), 'vms.a.helpers[0].onEnd: expected "restart" or "report", found "ignore"'],
    [helper({ comand: [] }), 'vms.a.helpers[0].comand: unknown key, did you mean "command"?'],
    [
      { vms: { a: { ...a, helpers: [tpm, tpm] } } },
      'vms.a.helpers[1].name: expected a name that no other helper of this guest has, found "tpm"',
    ],
  ];
  for (const [group, expected] of cases) assertEquals(said(group)[0], expected, Deno.inspect(group));
});

Deno.test("parseGroup() says everything that is wrong at once, and quotes no secret", () => {
  const lines = said({
    strategy: 5,
    vms: {
      a: { config: { cpus: 0, secrets: [{ id: "s", value: 12345 }] }, dependsOn: ["c"] },
      b: { config: {}, helpers: 5 },
    },
  });
  assertEquals(lines.map((line) => line.split(": ")[0]), [
    "strategy",
    "vms.a.config.cpus",
    "vms.a.config.secrets[0].value",
    "vms.a.dependsOn[0]",
    "vms.b.helpers",
  ]);
  assert(lines.every((line) => !line.includes("12345")));
});

Deno.test("parseGroup() takes a guest's name that every object has for a name like any other", () => {
  const vms = JSON.parse(
    '{"__proto__": {"config": {}}, "constructor": {"config": {}, "dependsOn": ["__proto__"]}}',
  );
  const parsed = parseGroup({ vms });
  assertEquals(Object.keys(parsed.vms), ["__proto__", "constructor"]);
  assertEquals(parsed.vms["constructor"]?.dependsOn, ["__proto__"]);
});
