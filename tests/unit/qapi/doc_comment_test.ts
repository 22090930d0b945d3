import { assertEquals } from "@std/assert";
import { readDoc } from "../../../tools/qapi/read/doc_comment.ts";

function read(text: string) {
  const doc = readDoc(text.split("\n"));
  return doc === null ? null : { name: doc.name, since: doc.since, parts: Object.fromEntries(doc.partSince) };
}

Deno.test("readDoc() returns null for a comment that documents no definition", () => {
  assertEquals(read("= Introduction\n\nThis schema says much. Since: 1.0"), null);
  assertEquals(read(""), null);
});

Deno.test("readDoc() reads name and version, and the versions of members however they are written", () => {
  const text = [
    "@thing:",
    "",
    "What it is, since the beginning.",
    "",
    "@plain: no version",
    "@short: text (since 2.8)",
    "@long: text that goes on",
    "    and on (Since 5.0; default: 10)",
    "@bare: text.  Since 1.3.",
    "@colon: text (since: 3.1)",
    "@qemu: text (since QEMU 2.6)",
    "@prose: it was a number, but since QEMU 2.7 it is a string",
    "@linux: text (since Linux 5.19)",
    "",
    "Features:",
    "",
    "@unstable: Member @long is experimental.",
    "",
    "Returns: a list (since 9.9)",
    "",
    "Since: 2.0.1",
  ].join("\n");
  assertEquals(read(text), {
    name: "thing",
    since: "2.0.1",
    parts: { short: "2.8", long: "5.0", bare: "1.3", colon: "3.1", qemu: "2.6" },
  });
});

Deno.test("readDoc() reads a comment whose prose is left out", () => {
  assertEquals(read("@block_resize:\n@device:\n@node-name:\n    (Since 2.0)\n@size:\nSince: 0.14"), {
    name: "block_resize",
    since: "0.14",
    parts: { "node-name": "2.0" },
  });
});
