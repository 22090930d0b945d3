import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { complete } from "../../../../src/cli/shell/language/completion.ts";
import { readPartialJson } from "../../../../src/cli/shell/language/partial_json.ts";
import { SCHEMA } from "./_schema.ts";

Deno.test("complete() knows commands, arguments, dotted keys, values and variants", () => {
  const table: [before: string, typed: string, candidates: string[]][] = [
    ["quer", "quer", ["query-names", "query-status", "query-yank"]],
    ["  query-s", "query-s", ["query-status "]],
    ["hm", "hm", ["hmp "]],
    ["hmp inf", "", []],
    ["nonsense a", "", []],
    // Arguments.
    ["device_del ", "", ["id="]],
    ["device_del id=", "", []],
    ["device_del id=x ", "", []],
    ["set-action p", "p", ["panic="]],
    ["set-action panic=p", "p", ["pause "]],
    ["set-action panic=", "", ["none", "pause", "shutdown"]],
    ['set-action panic="p', '"p', ['"pause" ']],
    ["set-action nonsense=", "", []],
    ["balloon value=", "", []],
    // Required members first; what may be an object also with a dot.
    ["blockdev-add ", "", ["driver=", "cache.", "node-name="]],
    ["blockdev-add driver=qcow2 ", "", [
      "file=",
      "file.",
      "cache.",
      "cache-size=",
      "lazy-refcounts=",
      "node-name=",
    ]],
    ["blockdev-add driver=qcow2 file", "file", ["file=", "file."]],
    ["blockdev-add driver=qcow2 file.", "file.", ["file.driver=", "file.cache.", "file.node-name="]],
    ["blockdev-add driver=qcow2 file.driver=file file.f", "file.f", ["file.filename="]],
    ["blockdev-add driver=qcow2 file.driver=file file.aio=", "", ["native", "threads"]],
    ["blockdev-add driver=qcow2 file.aio=", "", []],
    ["blockdev-add driver=qcow2 lazy-refcounts=", "", ["false", "true"]],
    ["blockdev-add driver=qcow2 file=", "", []],
    ["blockdev-add file.driver=q", "", []],
    ["blockdev-add cache.", "cache.", ["cache.direct="]],
    ["blockdev-add cache=", "", ["{"]],
    // null is not put in unasked where any text will do.
    ["set-tls creds=", "", []],
    ["set-tls creds=n", "n", ["null "]],
    ["set-tls names=", "", ["["]],
    // Help, and transactions.
    ["help SHUT", "SHUT", ["SHUTDOWN "]],
    ["help blockdev-add driver=file a", "a", ["aio="]],
    ["transaction( ", "", [")", "abort", "bitmap-add"]],
    ["transaction( bitmap-add n", "n", ["name=", "node="]],
    ["", "", [
      "balloon",
      "blockdev-add",
      "device_add",
      "device_del",
      "exit",
      "help",
      "hmp",
      "migrate-set-capabilities",
      "qom-set",
      "query-names",
      "query-status",
      "query-yank",
      "quit",
      "set-action",
      "set-tls",
      "transaction",
      "transaction(",
    ]],
  ];
  for (const [before, typed, candidates] of table) {
    assertEquals(complete(before, SCHEMA), { typed, candidates }, before);
  }
});

Deno.test("complete() knows the actions of an open transaction", () => {
  assertEquals(complete("ab", SCHEMA, true).candidates, ["abort "]);
  assertEquals(complete("bitmap-add node=a n", SCHEMA, true).candidates, ["name="]);
});

Deno.test("complete() works within JSON, in arguments, in values and in whole messages", () => {
  const table: [before: string, typed: string, candidates: string[]][] = [
    ['blockdev-add {"dri', '"dri', ['"driver": ']],
    ["blockdev-add {dri", "dri", ['"driver": ']],
    ['blockdev-add {"driver": "', '"', ['"file"', '"null-co"', '"qcow2"']],
    ['blockdev-add {"driver": "file", "', '"', ['"filename": ', '"aio": ', '"cache": ', '"node-name": ']],
    ['blockdev-add {"driver": "qcow2", "file": {"driver": "file", "a', '"a', ['"aio": ']],
    ['blockdev-add {"driver": "qcow2", "lazy-refcounts": t', "t", ["true"]],
    ['blockdev-add {"driver": "file"} ', "", []],
    ["migrate-set-capabilities capabilities=[", "", ["{"]],
    ['migrate-set-capabilities capabilities=[{"capability": "x', '"x', ['"xbzrle"']],
    ['migrate-set-capabilities capabilities=[{"capability": "xbzrle", "state": true}, {"st', '"st', [
      '"state": ',
    ]],
    ["{", "", ['"execute": ', '"exec-oob": ', '"arguments": ', '"id": ']],
    ['{"execute": "query-s', '"query-s', ['"query-status"']],
    ['{"exec-oob": "', '"', ['"query-yank"']],
    ['{"execute": "set-action", "arguments": {"panic": "n', '"n', ['"none"']],
    ['{"execute": "set-action", "arguments": {', "", ['"panic": ']],
    ['{"execute": "nonsense", "arguments": {', "", []],
    ['{"execute": "set-action"}', "", []],
  ];
  for (const [before, typed, candidates] of table) {
    assertEquals(complete(before, SCHEMA), { typed, candidates }, before);
  }
});

Deno.test("complete() only replaces what stands before the cursor, whatever that is", () => {
  const piece = fc.constantFrom(
    ...[
      "blockdev-add",
      "driver=",
      "qcow2",
      "file.",
      "file",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      ":",
      ",",
      " ",
      "=",
      ".",
    ],
    ...["transaction(", "help", '"execute"', "set-action", "panic", "\\", "é", "capabilities=[{"],
  );
  fc.assert(fc.property(fc.array(piece), fc.boolean(), (pieces, inTransaction) => {
    const before = pieces.join("");
    const { typed, candidates } = complete(before, SCHEMA, inTransaction);
    assert(before.endsWith(typed), before);
    for (const candidate of candidates) {
      assert(candidate.replace(/^"/, "").startsWith(typed.replace(/^"/, "")), `${before}: ${candidate}`);
    }
  }));
});

Deno.test("readPartialJson() reads any beginning of any JSON, and all of it at its end", () => {
  fc.assert(fc.property(fc.json(), fc.double({ min: 0, max: 1, noNaN: true }), (text, part) => {
    readPartialJson(text.slice(0, Math.floor(text.length * part)));
    const { value, slot } = readPartialJson(`[${text}]`);
    assertEquals(slot, null);
    assertEquals(JSON.stringify(value, asText), JSON.stringify([JSON.parse(text)], asText));
  }));
});

/** Numbers and words stay what was written; only their place matters. */
function asText(_key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null ? value : "";
}
