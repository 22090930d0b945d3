import { assertEquals } from "@std/assert";
import { readQcow2Header } from "../../../../src/testing/snapshot/qcow2_header.ts";

/** The header of an image over another one, as QEMU writes it: the extension with the format, then the name. */
function header(
  options: { backing?: string; format?: string; version?: number; features?: number },
): Uint8Array {
  const { backing = "", format, version = 3, features = 0 } = options;
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, version);
  view.setUint32(76, version >= 3 ? features : 0);
  if (version >= 3) view.setUint32(100, 112);
  if (format !== undefined) {
    const at = version >= 3 ? 112 : 72;
    view.setUint32(at, 0xe2792aca);
    view.setUint32(at + 4, format.length);
    bytes.set(new TextEncoder().encode(format), at + 8);
  }
  if (backing !== "") {
    view.setBigUint64(8, 512n);
    view.setUint32(16, backing.length);
    bytes.set(new TextEncoder().encode(backing), 512);
  }
  return bytes;
}

Deno.test("readQcow2Header() finds what an image is a layer over", () => {
  assertEquals(readQcow2Header(header({ backing: "base.img", format: "raw" })), {
    kind: "layer",
    backing: "base.img",
    format: "raw",
  });
  assertEquals(readQcow2Header(header({ backing: "/a", version: 2 })), {
    kind: "layer",
    backing: "/a",
    format: null,
  });
});

Deno.test("readQcow2Header() finds nothing under an image that stands alone", () => {
  assertEquals(readQcow2Header(header({})), { kind: "alone" });
  assertEquals(readQcow2Header(new Uint8Array(512)), { kind: "alone" });
  assertEquals(readQcow2Header(new Uint8Array(0)), { kind: "alone" });
});

Deno.test("readQcow2Header() says what it does not look into", () => {
  assertEquals(readQcow2Header(header({ backing: "nbd://host/x" })), {
    kind: "unknown",
    why: "its backing file is nbd://host/x",
  });
  assertEquals(readQcow2Header(header({ features: 4 })).kind, "unknown");
  assertEquals(readQcow2Header(header({ backing: "base.img" }).subarray(0, 515)).kind, "unknown");
});
