import { assertEquals, assertRejects } from "@std/assert";
import {
  NewerRecordError,
  RecordStore,
  StaleRecordError,
  StateError,
  type VmRecord,
} from "../../src/supervisor/store/mod.ts";
import {
  encodeRecord,
  RECORD_UPGRADES,
  type RecordUpgrades,
} from "../../src/supervisor/store/record_codec.ts";
import { record } from "../unit/supervisor/store/_values.ts";
import { StateDir } from "./_store.ts";

/** Reads what a store wrote with another one, as the next supervisor would. */
async function reread(dir: StateDir): Promise<VmRecord[]> {
  return (await (await RecordStore.open(dir.path)).list()).records;
}

Deno.test("RecordStore.write() puts a record on the disk, for its user alone, and leaves nothing beside it", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  assertEquals(await store.list(), { records: [], broken: [] });
  await store.write(record());
  assertEquals(await reread(dir), [record()]);
  assertEquals(await dir.files("vms"), ["web.json"]);
  assertEquals((await Deno.stat(`${dir.path}/vms/web.json`)).mode, 0o100600);
});

Deno.test("RecordStore.write() keeps the order of a guest's records, as they were at the call, whatever the others do", async () => {
  await using dir = await StateDir.make();
  const seen: string[] = [];
  const look = () => seen.push(Deno.readTextFileSync(`${dir.path}/vms/web.json`));
  const store = await RecordStore.open(dir.path, {
    crash: (point) => void (point === "record:after-rename" && seen.length < 5 && look()),
  });
  const changing = record();
  const writes: Promise<void>[] = [];
  for (let generation = 1; generation <= 5; generation++) {
    changing.generation = generation;
    writes.push(store.write(changing));
  }
  await Promise.all(writes);
  assertEquals(seen, [1, 2, 3, 4, 5].map((generation) => encodeRecord(record({ generation }))));

  const names = Array.from({ length: 100 }, (_, index) => `guest ${index}`);
  await Promise.all(
    names.flatMap((name) => [1, 2, 3].map((generation) => store.write(record({ name, generation })))),
  );
  await store.idle();
  assertEquals(
    (await reread(dir)).map(({ name, generation }) => `${name} ${generation}`),
    [...names.map((name) => `${name} 3`), "web 5"].sort(),
  );
});

Deno.test("RecordStore.write() refuses a generation that is not newer than the one there is, by whomever that was written", async () => {
  await using dir = await StateDir.make();
  await (await RecordStore.open(dir.path)).write(record({ generation: 7 }));
  const store = await RecordStore.open(dir.path);
  await store.list();
  const refused = await assertRejects(
    () => store.write(record({ generation: 6, seq: 99 })),
    StaleRecordError,
  );
  assertEquals(
    refused.message,
    `Cannot write generation 6 of the record ${dir.path}/vms/web.json: generation 7 is there, and an older one never takes its place`,
  );
  await assertRejects(() => store.write(record({ generation: 7 })), StaleRecordError);
  assertEquals(await reread(dir), [record({ generation: 7 })]);

  await store.write(record({ generation: 8 }));
  const both = [store.write(record({ generation: 10 })), store.write(record({ generation: 9 }))];
  const [newer, older] = await Promise.allSettled(both);
  assertEquals([newer?.status, older?.status], ["fulfilled", "rejected"]);
  assertEquals(await reread(dir), [record({ generation: 10 })]);
});

Deno.test("RecordStore.write() leaves the last record when it fails, and can be repeated", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await store.write(record());
  await Deno.rename(`${dir.path}/vms`, `${dir.path}/away`);
  const failed = await assertRejects(() => store.write(record({ generation: 2 })), StateError);
  assertEquals(failed.message.startsWith(`Cannot write ${dir.path}/vms/web.json: `), true);
  await Deno.rename(`${dir.path}/away`, `${dir.path}/vms`);
  assertEquals(await reread(dir), [record()]);
  await store.write(record({ generation: 2 }));
  assertEquals(await reread(dir), [record({ generation: 2 })]);
});

Deno.test("RecordStore.remove() removes what was written before, and a guest of that name begins afresh", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await Promise.all([
    store.write(record({ generation: 9 })),
    store.remove("web"),
    store.remove("never there"),
  ]);
  assertEquals(await dir.files("vms"), []);
  await store.write(record({ generation: 1 }));
  assertEquals(await reread(dir), [record()]);
});

Deno.test("RecordStore.list() sets a broken record aside under a name of its own, says what is wrong, and reads the others", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await store.write(record({ name: "good" }));
  for (const [round, text] of ["{", "", `{"version":1}`].entries()) {
    await dir.write("vms/web.json", text);
    const { records, broken } = await store.list();
    assertEquals(records, [record({ name: "good" })]);
    const movedTo = `${dir.path}/vms/web.json.broken${round === 0 ? "" : `.${round}`}`;
    assertEquals(broken.map(({ path, movedTo }) => [path, movedTo]), [[`${dir.path}/vms/web.json`, movedTo]]);
    assertEquals(
      broken[0]?.error.message.startsWith(`Cannot read the record ${dir.path}/vms/web.json: `),
      true,
    );
    assertEquals(await Deno.readTextFile(movedTo), text);
  }
  assertEquals(await dir.files("vms"), [
    "good.json",
    "web.json.broken",
    "web.json.broken.1",
    "web.json.broken.2",
  ]);
  // The guest can be kept again.
  await store.write(record());
  assertEquals((await reread(dir)).length, 2);
});

Deno.test("RecordStore.list() sets a copy of another guest's record aside: there must be one of each", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await store.write(record());
  await Deno.copyFile(`${dir.path}/vms/web.json`, `${dir.path}/vms/copy.json`);
  const { records, broken } = await store.list();
  assertEquals(records, [record()]);
  assertEquals(
    broken.map(({ error }) => error.message),
    [`Cannot read the record ${dir.path}/vms/copy.json: it is that of VM "web", whose record has another name`],
  );
});

Deno.test("RecordStore.list() refuses the records of a newer program, and touches nothing", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await store.write(record());
  await dir.write("vms/newer.json", `{"version":3,"all":"new"}`);
  await dir.write("vms/broken.json", "{");
  await dir.write("vms/half.json.tmp", "{");
  const before = await dir.files("vms");
  await assertRejects(() => store.list(), NewerRecordError, "use the newer program that wrote it");
  assertEquals(await dir.files("vms"), before);
  assertEquals(await dir.read("vms/broken.json"), "{");
});

Deno.test("RecordStore.list() reads what an older program wrote, and the next write makes it one of this", async () => {
  await using dir = await StateDir.make();
  const { version: _version, spec, ...rest } = record();
  const first: RecordUpgrades = { 0: ({ policy = null, ...others }) => ({ ...others, spec: policy }) };
  const options = { upgrades: { ...RECORD_UPGRADES, ...first } };
  const store = await RecordStore.open(dir.path, options);
  await dir.write("vms/web.json", JSON.stringify({ version: 0, ...rest, policy: spec }));
  assertEquals((await store.list()).records, [record()]);
  await store.write(record({ generation: 2 }));
  assertEquals(await reread(dir), [record({ generation: 2 })]);
});

Deno.test("RecordStore.list() neither sets aside nor overlooks a record that can't be read now", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  await Deno.mkdir(`${dir.path}/vms/web.json`);
  await assertRejects(() => store.list(), StateError, `Cannot read the record ${dir.path}/vms/web.json: `);
  assertEquals(await dir.files("vms"), ["web.json"]);
});

Deno.test("RecordStore keeps a guest of any name", async () => {
  await using dir = await StateDir.make();
  const store = await RecordStore.open(dir.path);
  const names = ["../../escape", "a/b", "ä b", ".", "%41", "A"];
  for (const name of names) await store.write(record({ name }));
  assertEquals((await reread(dir)).map(({ name }) => name), names.toSorted());
  assertEquals(await dir.files(), ["vms"]);
});
