// deno-lint-ignore-file no-console -- a script talks to whoever runs it
// What writes to a state directory and dies at it: `_store_script.ts NAME FOLDER [POINT]`.
import { type CrashHook, Journal, RecordStore, StateLock } from "../../src/supervisor/store/mod.ts";
import { record } from "../unit/supervisor/store/_values.ts";
import { entry } from "./_store.ts";

/** So large that its file takes several writes of the system to read and to write. */
const LONG = "x".repeat(300_000);

const SCRIPTS: Readonly<Record<string, (stateDir: string, crash: CrashHook) => Promise<void>>> = {
  /** Writes the second generation of a record. */
  async write(stateDir, crash) {
    const store = await RecordStore.open(stateDir, { crash });
    await store.list();
    await store.write(record({ generation: 2, seq: 2, lastReport: LONG }));
    console.log("written");
  },

  async remove(stateDir, crash) {
    const store = await RecordStore.open(stateDir, { crash });
    await store.remove("web");
    console.log("removed");
  },

  /** Appends three entries, each of which fills a file. */
  async append(stateDir, crash) {
    const journal = await Journal.open(stateDir, { crash, maxBytes: 100 });
    for (const seq of [1, 2, 3]) {
      await journal.append(entry(seq));
      console.log(`${seq}`);
    }
  },

  /** Holds the lock until it is killed. */
  async hold(stateDir) {
    await StateLock.take(stateDir);
    console.log("held");
    await Deno.stdin.read(new Uint8Array(1));
    setInterval(() => {}, 1_000_000);
  },

  /** Writes records and entries as fast as it can, and says of each that it is done. */
  async hammer(stateDir) {
    const store = await RecordStore.open(stateDir);
    const journal = await Journal.open(stateDir, { maxBytes: 20_000, keep: 1_000 });
    await store.list();
    for (let seq = journal.tail().seq + 1;; seq++) {
      await store.write(record({ generation: seq, seq, lastReport: `${seq}${LONG.slice(0, seq % 50_000)}` }));
      await journal.append(entry(seq, { report: `${seq}${LONG.slice(0, seq * 37 % 5_000)}` }));
      console.log(`${seq}`);
    }
  },
};

/** Dies at a point, there and then: the second time it comes by, for `POINT*2`. */
function dieAt(wanted: string): CrashHook {
  const [name, times = "1"] = wanted.split("*");
  let left = Number(times);
  return (point) => {
    if (point === name && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
  };
}

if (import.meta.main) {
  const [name = "", stateDir = "", point = ""] = Deno.args;
  await SCRIPTS[name]?.(stateDir, dieAt(point));
}
