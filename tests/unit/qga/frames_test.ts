import { assertEquals } from "@std/assert";
import { type AgentFrame, AgentFrames } from "../../../src/qga/frames.ts";

/** Text as bytes, where ÿ is the delimiter. */
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** What matters of a frame, in one value. */
function brief(frame: AgentFrame): unknown {
  if (frame.kind === "garbage") return "garbage";
  return frame.delimited ? ["delimited", frame.message] : frame.message;
}

Deno.test("AgentFrames.push() returns messages, and says which one the delimiter was before", () => {
  const frames = new AgentFrames();
  const seen = frames.push(bytes(`{"return":1}\n\xff{"return":2}\n{"return":3}\n`)).map(brief);
  assertEquals(seen, [{ return: 1 }, ["delimited", { return: 2 }], { return: 3 }]);
});

Deno.test("AgentFrames.push() drops a cut-off message, and all before the delimiter when it seeks it", () => {
  const frames = new AgentFrames();
  assertEquals(frames.push(bytes(`{"return": {"half": "`)), []);
  assertEquals(frames.push(bytes(`\xff{"return":1}`)).map(brief), [["delimited", { return: 1 }]]);
  frames.seek();
  assertEquals(frames.push(bytes(`{"return":2}\nno JSON }}`)), []);
  assertEquals(frames.push(bytes(`\xff{"return":3}`)).map(brief), [["delimited", { return: 3 }]]);
});

Deno.test("AgentFrames.push() says once that there is garbage, and goes on at the delimiter", () => {
  const frames = new AgentFrames(20);
  assertEquals(frames.push(bytes("garbage\nand more")).map(brief), ["garbage"]);
  assertEquals(frames.push(bytes(`{"return":1}\n`)), []);
  assertEquals(frames.push(bytes(`\xff{"return":"much too long"}`)).map(brief), ["garbage"]);
  assertEquals(frames.push(bytes(`\xff\xff{}`)).map(brief), [["delimited", {}]]);
});

Deno.test("AgentFrames.push() returns the same however the bytes are cut", () => {
  const all = bytes(`{"a":"\\"}{"}\n\xff {"return": 5}\n{"b":[{}]}\nx\xff{"c":null}`);
  const whole = new AgentFrames().push(all).map(brief);
  assertEquals(whole.length, 5);
  for (let cut = 0; cut <= all.length; cut++) {
    const frames = new AgentFrames();
    const parts = [all.subarray(0, cut), all.subarray(cut)];
    assertEquals(parts.flatMap((part) => frames.push(part)).map(brief), whole);
  }
  const frames = new AgentFrames();
  assertEquals([...all].flatMap((byte) => frames.push(Uint8Array.of(byte))).map(brief), whole);
});
