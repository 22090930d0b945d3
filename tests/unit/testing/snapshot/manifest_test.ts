import { assertEquals } from "@std/assert";
import {
  decodeManifest,
  encodeManifest,
  isKept,
  type KeptFile,
  keptFiles,
  type TemplateManifest,
} from "../../../../src/testing/snapshot/manifest.ts";

const digest = (text: string) =>
  Promise.resolve(String([...text].reduce((sum, char) => sum * 31 + char.charCodeAt(0) | 0, 7)));
const file = (path: string): KeptFile => ({
  path,
  device: 1,
  inode: 2,
  bytes: 3,
  writtenAtMs: 4,
  changedAtMs: 5,
});
const MANIFEST: TemplateManifest = {
  kind: "template",
  key: "k",
  dir: "k-1",
  madeAt: "2026-11-21T10:00:00.000Z",
  qemu: "7.2.22",
  memory: { way: "memory", ram: file("/shm/ram") },
  state: file("/t/state"),
  stateDigest: "s",
  files: [file("/t/disk0.qcow2")],
  bytes: 9,
};

Deno.test("decodeManifest() gives back what encodeManifest() wrote", async () => {
  assertEquals(await decodeManifest(await encodeManifest(MANIFEST, digest), "k", digest), MANIFEST);
});

Deno.test("decodeManifest() takes nothing that is torn, changed, or of another key", async () => {
  const text = await encodeManifest(MANIFEST, digest);
  for (let length = 0; length < text.length; length++) {
    assertEquals(await decodeManifest(text.slice(0, length), "k", digest), null, `${length} characters`);
  }
  assertEquals(await decodeManifest(text.replace("7.2.22", "7.2.23"), "k", digest), null);
  assertEquals(await decodeManifest(text.replace('"format":1', '"format":2'), "k", digest), null);
  assertEquals(await decodeManifest(text, "other", digest), null);
  assertEquals(await decodeManifest("null", "k", digest), null);
});

Deno.test("keptFiles() are the state, the disks, and memory that is in a file of its own", () => {
  assertEquals(keptFiles(MANIFEST).map(({ path }) => path), ["/t/state", "/t/disk0.qcow2", "/shm/ram"]);
  const stream: TemplateManifest = { ...MANIFEST, memory: { way: "stream", why: "", read: "unix" } };
  assertEquals(keptFiles(stream).map(({ path }) => path), ["/t/state", "/t/disk0.qcow2"]);
});

Deno.test("isKept() is false for a file that was touched in any way", () => {
  const kept = file("/a");
  assertEquals(isKept(kept, file("/elsewhere")), true);
  for (const key of ["device", "inode", "bytes", "writtenAtMs", "changedAtMs"] as const) {
    assertEquals(isKept(kept, { ...kept, [key]: 99 }), false, key);
  }
});
