// The recorder against files that a stand-in for QEMU writes: from the beginning on, at its own offset, whatever becomes of the file.
import { assert, assertEquals, assertLess } from "@std/assert";
import type { AnyQmpEvent } from "../../src/qmp/mod.ts";
import { prepareRecorder, readRecording, Recorder, untilRecording } from "../../src/vm/recorder.ts";
import { event } from "../unit/vm/_events.ts";

class Recording implements AsyncDisposable {
  readonly runDir: string;
  readonly #out: Deno.FsFile;
  #written = 0;

  private constructor(runDir: string, out: Deno.FsFile) {
    this.runDir = runDir;
    this.#out = out;
  }

  static async make(): Promise<Recording> {
    const runDir = await Deno.makeTempDir({ prefix: "qeeper-rec-" });
    await prepareRecorder(runDir);
    return new Recording(runDir, await Deno.open(`${runDir}/rec.out`, { read: true, write: true }));
  }

  /** As QEMU does it: one write each. */
  async write(text: string): Promise<void> {
    await this.#out.write(new TextEncoder().encode(text));
  }

  async events(count: number): Promise<AnyQmpEvent[]> {
    const made = Array.from({ length: count }, () => {
      const at = this.#written++;
      return event("VSERPORT_CHANGE", { open: at % 2 === 0, id: `port${at}` }, at);
    });
    for (const one of made) await this.write(`${JSON.stringify(one)}\r\n`);
    return made;
  }

  async bytesOnDisk(): Promise<number> {
    const { blocks } = await this.#out.stat();
    return (blocks ?? 0) * 512;
  }

  async size(): Promise<number> {
    return (await this.#out.stat()).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#out.close();
    await Deno.remove(this.runDir, { recursive: true });
  }
}

/** What a host has where no hole can be punched. */
const cannot = () => Promise.resolve(false);

function last(events: readonly AnyQmpEvent[]): AnyQmpEvent {
  const found = events.at(-1);
  assert(found);
  return found;
}

Deno.test("prepareRecorder() makes what QEMU wants, for its owner only, and anew for each process", async () => {
  await using recording = await Recording.make();
  await recording.events(3);
  await prepareRecorder(recording.runDir);
  assertEquals(await Deno.readTextFile(`${recording.runDir}/rec.in`), '{"execute":"qmp_capabilities"}');
  assertEquals(await Deno.readTextFile(`${recording.runDir}/rec.out`), "");
  for (const name of ["rec.in", "rec.out"]) {
    assertEquals(((await Deno.stat(`${recording.runDir}/${name}`)).mode ?? 0) & 0o777, 0o600);
  }
});

Deno.test("untilRecording() returns when QEMU has answered the recorder, and obeys its signal", async () => {
  await using recording = await Recording.make();
  const controller = new AbortController();
  let isRecording = false;
  const waiting = untilRecording(recording.runDir, controller.signal).then(() => isRecording = true);
  await recording.write('{"QMP": {}}\r\n');
  assertEquals(isRecording, false);
  await recording.write('{"return": {}}\r\n');
  await waiting;
  await prepareRecorder(recording.runDir);
  const givenUp = untilRecording(recording.runDir, controller.signal).then(
    () => "ready",
    (error) => error.message,
  );
  controller.abort(new Error("no more"));
  assertEquals(await givenUp, "no more");
});

Deno.test("Recorder.read() returns the events since the last call, and none where there is no recording", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir);
  assertEquals(await recorder.read(), []);
  await recording.write('{"QMP": {}}\r\n{"return": {}}\r\n');
  const first = await recording.events(2);
  assertEquals(await recorder.read(), first);
  assertEquals(await recorder.read(), []);
  const second = await recording.events(3);
  await recording.write('{"timestamp": {"sec');
  assertEquals(await recorder.read(), second);
  await recording.write('onds": 1, "microseconds": 2}, "event": "STOP"}\r\n');
  assertEquals((await recorder.read()).map(({ event }) => event), ["STOP"]);
  assertEquals((await readRecording(recording.runDir)).length, 6);
  assertEquals(await readRecording("/nowhere/at/all"), []);
});

Deno.test("Recorder.read() gives each event to one caller only, and none to a caller that comes after compact()", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir, { maxBytes: 1024 });
  const events = await recording.events(50);
  const [first, second] = await Promise.all([recorder.read(), recorder.read()]);
  assertEquals([first, second], [events, []]);
  const more = await recording.events(2);
  const [made, third] = await Promise.all([recorder.compact(last(more)), recorder.read()]);
  assertEquals([made, third], ["compacted", []]);
});

Deno.test("Recorder.compact() makes room once there is need, up to what was handled, and loses nothing", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir, { maxBytes: 16 * 1024 });
  const few = await recording.events(10);
  assertEquals(await recorder.compact(last(few)), "small");
  const many = await recording.events(1000);
  const handled = many[899];
  assert(handled);
  assertEquals(await recorder.compact(event("NEVER_SEEN")), "kept");
  assertEquals(await recorder.compact(handled), "compacted");
  assertLess(await recording.bytesOnDisk(), 24 * 1024);
  const more = await recording.events(5);
  const rest = [...many.slice(900), ...more];
  assertEquals(await readRecording(recording.runDir), rest);
  assertEquals(await recorder.read(), rest);
  assertEquals(recorder.lostBytes, 0);
});

Deno.test("Recorder.compact() keeps a recording small for as long as QEMU writes, while its size goes on growing", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir, { maxBytes: 16 * 1024 });
  for (let round = 0; round < 20; round++) {
    const events = await recording.events(200);
    const unseen = await recording.events(1);
    await recorder.compact(last(events));
    assertLess(await recording.bytesOnDisk(), 48 * 1024);
    assertEquals(last(await readRecording(recording.runDir)), last(unseen));
  }
  assert(await recording.size() > 400_000);
});

Deno.test("Recorder.compact() without a tool truncates, late, and only what was handled to its end", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir, { maxBytes: 4 * 1024, punch: cannot });
  let events = await recording.events(100);
  assertEquals(await recorder.compact(last(events)), "kept"); // more than 4 KiB, less than 64
  events = await recording.events(800);
  const sizeBefore = await recording.size();
  const unhandled = await recording.events(1);
  assertEquals(await recorder.compact(last(events)), "kept");
  assertEquals(await recorder.compact(last(unhandled)), "compacted");
  assertEquals([await recording.size(), await recording.bytesOnDisk()], [0, 0]);
  const more = await recording.events(2);
  assert(await recording.size() > sizeBefore, "QEMU writes on where it was");
  assertLess(await recording.bytesOnDisk(), 8 * 1024 + 1);
  assertEquals(await recorder.read(), more);
  assertEquals(await readRecording(recording.runDir), more);
  assertEquals(recorder.lostBytes, 0);
});

Deno.test("Recorder.lostBytes counts what was written and truncated before it was read", async () => {
  await using recording = await Recording.make();
  const recorder = new Recorder(recording.runDir);
  const seen = await recording.events(2);
  assertEquals(await recorder.read(), seen);
  const before = await recording.size();
  await recording.events(1); // written between the last look and the truncation
  const lost = await recording.size() - before;
  await Deno.truncate(`${recording.runDir}/rec.out`, 0);
  assertEquals(await recorder.read(), []);
  const later = await recording.events(1);
  assertEquals(await recorder.read(), later);
  assertEquals(recorder.lostBytes, lost);
});

Deno.test("readRecording() of a recording with a very long hole is quick", async () => {
  await using recording = await Recording.make();
  using out = await Deno.open(`${recording.runDir}/rec.out`, { write: true });
  const end = new TextEncoder().encode(`${JSON.stringify(event("STOP"))}\r\n`);
  await out.truncate(100 * 1024 ** 3);
  await out.seek(0, Deno.SeekMode.End);
  await out.write(end);
  const start = performance.now();
  assertEquals((await readRecording(recording.runDir)).map(({ event }) => event), ["STOP"]);
  assertLess(performance.now() - start, 1_000);
});
