import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readKeys } from "../../../src/cli/escape_keys.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => {
  const { send, ends, armed } = readKeys(false, bytes(text));
  return [new TextDecoder().decode(send), ends, armed];
};

Deno.test("readKeys() takes Ctrl-A x for the end, Ctrl-A Ctrl-A for Ctrl-A, and sends everything else", () => {
  assertEquals(read("ls\r\x03\x04\x1b[A"), ["ls\r\x03\x04\x1b[A", 0, false]);
  assertEquals(read("a\x01xb"), ["ab", 1, false]);
  assertEquals(read("\x01\x01"), ["\x01", 0, false]);
  assertEquals(read("\x01\x01x"), ["\x01x", 0, false]);
  assertEquals(read("\x01e"), ["\x01e", 0, false]);
  assertEquals(read("\x01x\x01x"), ["", 2, false]);
  assertEquals(read("a\x01"), ["a", 0, true]);
});

Deno.test("readKeys() comes to the same however the keys are cut", () => {
  const keys = fc.array(fc.constantFrom(0x01, 0x78, 0x61), { maxLength: 12 }).map((list) =>
    Uint8Array.from(list)
  );
  fc.assert(fc.property(keys, fc.nat(12), (typed, cut) => {
    const whole = readKeys(false, typed);
    const first = readKeys(false, typed.subarray(0, cut));
    const second = readKeys(first.armed, typed.subarray(cut));
    assertEquals([...first.send, ...second.send], [...whole.send]);
    assertEquals(first.ends + second.ends, whole.ends);
    assertEquals(second.armed, whole.armed);
  }));
});
