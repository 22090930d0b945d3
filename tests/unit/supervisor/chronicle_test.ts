import { assertEquals } from "@std/assert";
import { Chronicle } from "../../../src/supervisor/chronicle.ts";
import type { GuestMemory, GuestSnapshot, ReportToWrite } from "../../../src/supervisor/guest_memory.ts";
import { INITIAL_STATE } from "../../../src/supervisor/policy_state.ts";
import type { Report } from "../../../src/supervisor/report.ts";

const RESET = { kind: "clock-jump", byMs: 1 } as const;
const UPDATED = { kind: "updated" } as const;

/** A chronicle whose memory takes as long as a test says, and what it did in order. */
function chronicle() {
  const did: string[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const name = (report: Report) => report.kind === "updated" ? "change" : "note";
  const write = async (reports: readonly ReportToWrite[]) => {
    const gate = Promise.withResolvers<void>();
    held.push(gate);
    did.push(`write ${reports.map(({ report }) => name(report)).join(" ")}`);
    await gate.promise;
  };
  const memory: Pick<GuestMemory, "write"> = { write };
  const host = { memory: memory as GuestMemory, report: (report: Report) => void did.push(name(report)) };
  const snapshot = (): GuestSnapshot => ({
    ...{ name: "a", spec: { config: {} }, state: INITIAL_STATE, run: null, litter: [], lastVerdict: null },
  });
  return { told: new Chronicle("a", host, snapshot), did, held };
}

/** Lets everything that can go on go on. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("Chronicle writes at once what was told while it wrote, notes apart from changes, and then does what follows in order", async () => {
  const { told, did, held } = chronicle();
  told.tell(UPDATED, () => did.push("follows 1"));
  await turn();
  told.note(RESET, null);
  told.note(RESET, null);
  told.tell(UPDATED, () => did.push("follows 2"));
  told.note(RESET, null);
  told.tell(UPDATED, () => did.push("follows 3"));
  told.note(RESET, null);
  const { written } = told;
  did.splice(0, Infinity, "told");
  for (let at = 0; at < 4; at++) {
    held[at]?.resolve();
    await turn();
  }
  await written;
  assertEquals(did, [
    "told",
    "follows 1",
    "write note note",
    "write change note change",
    "follows 2",
    "follows 3",
    "write note",
  ]);
});

Deno.test("Chronicle writes no more together than a record is to hold, and leaves nothing", async () => {
  const { told, did, held } = chronicle();
  let followed = 0;
  for (let count = 0; count < 100; count++) told.tell(UPDATED, () => void followed++);
  did.splice(0);
  for (let at = 0; at < 4; at++) {
    await turn();
    held[at]?.resolve();
  }
  await told.written;
  assertEquals(did.map((line) => line.split(" ").length - 1), [32, 32, 32, 4]);
  assertEquals(followed, 100);
});
