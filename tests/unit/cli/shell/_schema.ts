import { LiveSchema } from "../../../../src/cli/shell/language/live_schema.ts";

type Raw = ConstructorParameters<typeof LiveSchema>[0];
type Entity = Raw[number];

/** A member as `query-qmp-schema` has it; a name that ends in `?` is one that may be left out. */
function members(table: Readonly<Record<string, string>>): { name: string; type: string; default?: null }[] {
  return Object.entries(table).map(([name, type]) =>
    name.endsWith("?") ? { name: name.slice(0, -1), type, default: null } : { name, type }
  );
}

const object = (name: string, table: Readonly<Record<string, string>>): Entity => ({
  name,
  "meta-type": "object",
  members: members(table),
});

const union = (
  name: string,
  tag: string,
  variants: Readonly<Record<string, string>>,
  table: Readonly<Record<string, string>>,
): Entity => ({
  name,
  "meta-type": "object",
  tag,
  variants: Object.entries(variants).map(([value, type]) => ({ case: value, type })),
  members: members(table),
});

const enumeration = (name: string, ...values: string[]): Entity => ({
  name,
  "meta-type": "enum",
  members: values.map((name) => ({ name })),
  values,
});

const alternate = (name: string, ...types: string[]): Entity => ({
  name,
  "meta-type": "alternate",
  members: types.map((type) => ({ type })),
});

const array = (element: string): Entity => ({
  name: `[${element}]`,
  "meta-type": "array",
  "element-type": element,
});

const command = (name: string, argType: string, returnType = "empty", more: object = {}): Entity => ({
  name,
  "meta-type": "command",
  "arg-type": argType,
  "ret-type": returnType,
  ...more,
});

const builtin = (name: string, jsonType: string): Entity => ({
  name,
  "meta-type": "builtin",
  "json-type": jsonType,
});

/** Of each kind of thing that a schema has, the least that shows it. */
const RAW: Raw = [
  builtin("str", "string"),
  builtin("int", "int"),
  builtin("number", "number"),
  builtin("bool", "boolean"),
  builtin("null", "null"),
  builtin("any", "value"),
  object("empty", {}),
  enumeration("driver", "file", "null-co", "qcow2"),
  enumeration("aio", "native", "threads"),
  enumeration("panic", "none", "pause", "shutdown"),
  enumeration("capability", "events", "xbzrle"),
  enumeration("action", "abort", "bitmap-add"),
  enumeration("reason", "guest-panic", "host-qmp-quit"),
  alternate("ref", "node", "str"),
  alternate("text-or-null", "str", "null"),
  array("str"),
  array("one-capability"),
  array("one-action"),
  object("node-file", { filename: "str", "aio?": "aio" }),
  object("node-qcow2", { file: "ref", "lazy-refcounts?": "bool", "cache-size?": "int" }),
  object("cache", { "direct?": "bool" }),
  union("node", "driver", { file: "node-file", qcow2: "node-qcow2", "null-co": "empty" }, {
    driver: "driver",
    "node-name?": "str",
    "cache?": "cache",
  }),
  object("one-capability", { capability: "capability", state: "bool" }),
  object("bitmap", { node: "str", name: "str", "granularity?": "int" }),
  object("bitmap-data", { data: "bitmap" }),
  object("abort-data", { data: "empty" }),
  union("one-action", "type", { abort: "abort-data", "bitmap-add": "bitmap-data" }, { type: "action" }),
  object("status", { running: "bool", "since?": "number" }),
  object("shutdown", { guest: "bool", reason: "reason" }),
  object("args-set-action", { "panic?": "panic" }),
  object("args-device_del", { id: "str" }),
  object("args-device_add", { driver: "str", "bus?": "str" }),
  object("args-balloon", { value: "int" }),
  object("args-capabilities", { capabilities: "[one-capability]" }),
  object("args-transaction", { actions: "[one-action]" }),
  object("args-qom-set", { path: "str", property: "str", value: "any" }),
  object("args-tls", { "creds?": "text-or-null", "names?": "[str]" }),
  command("query-status", "empty", "status"),
  command("query-names", "empty", "[str]"),
  command("query-yank", "empty", "empty", { "allow-oob": true }),
  command("quit", "empty"),
  command("set-action", "args-set-action"),
  command("device_add", "args-device_add", "empty", { features: ["json-cli"] }),
  command("device_del", "args-device_del"),
  command("balloon", "args-balloon", "empty", { features: ["deprecated"] }),
  command("blockdev-add", "node"),
  command("migrate-set-capabilities", "args-capabilities"),
  command("transaction", "args-transaction"),
  command("qom-set", "args-qom-set"),
  command("set-tls", "args-tls"),
  { name: "SHUTDOWN", "meta-type": "event", "arg-type": "shutdown" },
  { name: "STOP", "meta-type": "event", "arg-type": "empty" },
  // What a newer QEMU may bring.
  { name: "novelty", "meta-type": "wonder" as never },
];

/** A QEMU's schema, but small. */
export const SCHEMA: LiveSchema = new LiveSchema(RAW);
