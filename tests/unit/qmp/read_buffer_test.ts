import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ReadBuffer } from "../../../src/qmp/read_buffer.ts";

Deno.test("ReadBuffer is small until a read fills it, large then, and small again after many small reads", () => {
  const buffer = new ReadBuffer();
  const small = buffer.next.length;
  assertEquals(buffer.taken(small - 1).length, small - 1);
  assertEquals(buffer.next.length, small);
  buffer.taken(small);
  const large = buffer.next.length;
  assert(large > small);
  for (let read = 0; read < 63; read++) buffer.taken(1);
  assertEquals(buffer.next.length, large);
  buffer.taken(1);
  assertEquals(buffer.next.length, small);
});

Deno.test("ReadBuffer.taken() is what was read, whatever the sizes", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 300 }), (shares) => {
      const buffer = new ReadBuffer();
      for (const [index, share] of shares.entries()) {
        const { next } = buffer;
        const count = Math.max(1, Math.round(share * next.length));
        next.fill(index, 0, count);
        const taken = buffer.taken(count);
        assertEquals([taken.length, taken.every((byte) => byte === index % 256)], [count, true]);
      }
    }),
  );
});
