import { assertEquals, assertStrictEquals } from "@std/assert";
import type { ByteTransport } from "../../../src/qmp/mod.ts";
import { tapped, type WireTap } from "../../../src/qmp/wire.ts";

/** A connection that brings these pieces, and keeps what is written. */
function scripted(pieces: string[]): ByteTransport & { written: string } {
  return {
    address: "nowhere",
    written: "",
    read(buffer) {
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(piece, buffer).written);
    },
    write(bytes) {
      this.written += new TextDecoder().decode(bytes);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function unexpected(error: unknown): never {
  throw error;
}

Deno.test("tapped() is the very transport that it was given when nobody listens", () => {
  const transport = scripted([]);
  assertStrictEquals(tapped(transport, undefined, unexpected), transport);
});

Deno.test("tapped() tells what was read, no more than that, and what is written, in their order", async () => {
  const told: string[] = [];
  const tap: WireTap = (direction, bytes) => told.push(`${direction} ${new TextDecoder().decode(bytes)}`);
  const plain = scripted(["greeting", "return"]);
  const transport = tapped(plain, tap, unexpected);
  const buffer = new Uint8Array(64);
  assertEquals(await transport.read(buffer), 8);
  await transport.write(new TextEncoder().encode("command"));
  assertEquals(await transport.read(buffer), 6);
  assertEquals(await transport.read(buffer), null);
  assertEquals(told, ["received greeting", "sent command", "received return"]);
  assertEquals(plain.written, "command");
});

Deno.test("tapped() goes on without a tap that throws, and says so once", async () => {
  const errors: unknown[] = [];
  let calls = 0;
  const fault = new Error("full");
  const tap: WireTap = () => {
    calls++;
    throw fault;
  };
  const plain = scripted(["one"]);
  const transport = tapped(plain, tap, (error) => errors.push(error));
  await transport.write(new TextEncoder().encode("a"));
  await transport.write(new TextEncoder().encode("b"));
  assertEquals(await transport.read(new Uint8Array(8)), 3);
  assertEquals([plain.written, calls, errors], ["ab", 1, [fault]]);
});
