import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Frame, FrameReader } from "../../../../src/testing/run/frame_reader.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A frame as the guest's program writes it. */
function write(frame: Frame): Uint8Array[] {
  switch (frame.kind) {
    case "shell":
      return [bytes(`# QS ${frame.session}:${frame.question}\r\n`)];
    case "ready":
      return [bytes(`\nQR ${frame.session} ${frame.question} ${frame.last ?? "-"}\n`)];
    case "begun":
      return [bytes(`\nQB ${frame.id}\n`)];
    case "stored":
      return [bytes(`\nQA ${frame.id} ${frame.status} ${frame.sha1 ?? ""}\n`)];
    case "ended": {
      const { id, status, how, stdout, stderr, sha1 } = frame;
      const word = how === "exited" ? "x" : how === "no-directory" ? "c" : "-";
      const head = bytes(`\nQE ${id} ${status} ${word}\n`);
      return [head, stdout, bytes(`\nQM ${id}\n`), stderr, bytes(`\nQF ${id} ${sha1 ?? ""}\n`)];
    }
    case "polled": {
      const { id, state, from, stdout, stderr } = frame;
      const letter = state === "ended" ? "D" : "R";
      return [
        bytes(`\nQP ${id} ${letter} ${from.join(" ")} ${stdout.length} ${stderr.length}\n`),
        stdout,
        stderr,
      ];
    }
  }
}

const id = fc.stringMatching(/^[a-f0-9]{8}-[0-9]{1,3}$/);
// Bytes of which many look like the beginning of a mark.
const output = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constantFrom(bytes("\n"), bytes("\nQM "), bytes("\nQF x\n"))),
)
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));
const sha1 = fc.constant("da39a3ee5e6b4b0d3255bfef95601890afd80709");
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant("shell" as const), session: id, question: fc.nat() }),
  fc.record({ kind: fc.constant("ready" as const), session: id, question: fc.nat(), last: fc.option(id) }),
  fc.record({ kind: fc.constant("begun" as const), id }),
  fc.record({ kind: fc.constant("stored" as const), id, status: fc.nat(255), sha1: fc.option(sha1) }),
  fc.record({
    kind: fc.constant("ended" as const),
    id,
    status: fc.nat(255),
    how: fc.constantFrom("exited" as const, "no-directory" as const, null),
    stdout: output,
    stderr: output,
    sha1: fc.option(sha1),
  }),
  fc.record({
    kind: fc.constant("polled" as const),
    id,
    state: fc.constantFrom("running" as const, "ended" as const),
    from: fc.tuple(fc.nat(), fc.nat()),
    stdout: output,
    stderr: output,
  }),
);
const garbage = fc.string({ maxLength: 30 }).map((text) => bytes(text));

Deno.test("FrameReader.push() finds every frame with its bytes, however the stream is cut and whatever is between frames", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(garbage, frames), { maxLength: 6 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
    (said, sizes) => {
      const parts = said.flatMap(([noise, frame]) => {
        // A shell's answer ends a line, whatever it begins with; the program's begin a line of their own.
        return [noise, bytes("\n"), ...write(frame)];
      });
      const stream = Uint8Array.from(parts.flatMap((part) => [...part]));
      const reader = new FrameReader();
      const found: Frame[] = [];
      for (let at = 0; at < stream.length;) {
        const size = sizes.next().value ?? 1;
        found.push(...reader.push(stream.subarray(at, at + size)));
        at += size;
      }
      assertEquals(found, said.map(([, frame]) => frame));
    },
  ));
});

Deno.test("FrameReader.partial is what has come of the outputs of a frame, and reset() gives that frame up", () => {
  const reader = new FrameReader();
  assertEquals(reader.push(bytes("\nQE a-1 0 x\nout")), []);
  assertEquals([reader.inFrame, reader.partial], [true, { stdout: bytes("out"), stderr: new Uint8Array() }]);
  reader.push(bytes("put\nQM a-1\nerr"));
  assertEquals(reader.partial, { stdout: bytes("output"), stderr: bytes("err") });
  reader.reset();
  assertEquals([reader.inFrame, reader.partial], [false, null]);
  assertEquals(reader.push(bytes("or\nQF a-1 \n\nQB a-2\n")), [{ kind: "begun", id: "a-2" }]);
});

Deno.test("FrameReader.push() takes no words for a frame that are not all there", () => {
  const lines = [
    "QE a-1",
    "QE a-1 x",
    "QE a-1  ",
    "QP a-1 R 0 0 1",
    "QA a-1",
    "QA a-1 x",
    "QR a-1 -",
    "QB",
    "QZ a-1 1",
  ];
  assertEquals(new FrameReader().push(bytes(`${lines.join("\n")}\n\nQB a-2\n`)), [{
    kind: "begun",
    id: "a-2",
  }]);
});

Deno.test("FrameReader.push() finds the mark in 4 MB that are all line feeds in linear time", () => {
  const reader = new FrameReader();
  const stdout = new Uint8Array(4_000_000).fill(10);
  const since = performance.now();
  const found = [bytes("\nQE a-1 0 x\n"), stdout, bytes("\nQM a-1\n\nQF a-1 \n")].flatMap((part) =>
    reader.push(part)
  );
  assertEquals(found.map((frame) => frame.kind === "ended" && frame.stdout.length), [4_000_000]);
  // 0.1 s when nothing else runs; by the square it would be hours.
  assertEquals(performance.now() - since < 10_000, true);
});
