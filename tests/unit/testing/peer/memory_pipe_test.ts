import { assertEquals, assertRejects } from "@std/assert";
import { memoryPipe } from "../../../../src/testing/peer/memory_pipe.ts";

Deno.test("memoryPipe() gives each write to one read, or to several when the buffer is smaller", async () => {
  const [client, peer] = memoryPipe();
  await peer.write(Uint8Array.of(1, 2));
  await peer.write(new Uint8Array(0));
  await peer.write(Uint8Array.of(3, 4, 5));
  const buffer = new Uint8Array(2);
  const seen: number[][] = [];
  for (let reads = 0; reads < 3; reads++) {
    const count = await client.read(buffer) ?? 0;
    seen.push([...buffer.subarray(0, count)]);
  }
  assertEquals(seen, [[1, 2], [3, 4], [5]]);
});

Deno.test("memoryPipe() keeps what was written before a close for the other side, and ends reads that wait", async () => {
  const [client, peer] = memoryPipe();
  const buffer = new Uint8Array(8);
  const waiting = peer.read(buffer);
  await peer.write(Uint8Array.of(7));
  await peer.close();
  await peer.close();
  assertEquals([await waiting, await client.read(buffer), await client.read(buffer)], [null, 1, null]);
  await assertRejects(() => client.write(Uint8Array.of(1)), Deno.errors.BrokenPipe);
  await assertRejects(() => peer.write(Uint8Array.of(1)), Deno.errors.BrokenPipe);
});

Deno.test("memoryPipe() lets a writer wait that nobody reads from, until somebody does or a side closes", async () => {
  for (const ending of ["read", "close"]) {
    const [client, peer] = memoryPipe();
    const large = new Uint8Array(300 * 1024);
    let state = "waits";
    const writing = peer.write(large).then(() => state = "written", () => state = "broken");
    await Promise.resolve();
    assertEquals(state, "waits");
    if (ending === "close") await client.close();
    else await client.read(new Uint8Array(64 * 1024));
    assertEquals(await writing, ending === "close" ? "broken" : "written");
  }
});
