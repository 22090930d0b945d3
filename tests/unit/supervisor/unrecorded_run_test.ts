import { assertEquals } from "@std/assert";
import type { VmRecord } from "../../../src/supervisor/store/mod.ts";
import { findUnrecorded } from "../../../src/supervisor/unrecorded_run.ts";

const UUID = "0661f6e0-00aa-41d8-af32-38d84d2b2063";
const qemu = (pid: number, run: string, uuid: string | null = UUID) => ({
  pid,
  pidFile: `/run/q/${run}/pid`,
  name: null,
  uuid,
});

function find(recorded: string | null, launched: ReturnType<typeof qemu>[], uuid: string | undefined = UUID) {
  const spec = { config: { name: "web", ...(uuid === undefined ? {} : { uuid }) } };
  const run = recorded === null ? null : { runDir: `/run/q/${recorded}` } as VmRecord["run"];
  const found = findUnrecorded({ spec, run }, launched, "/run/q");
  return found && [found.runDir, found.stderrFile, found.uuid, found.pid];
}

Deno.test("findUnrecorded() finds the guest's QEMU by its uuid, where the record's is gone or there was none", () => {
  const found = ["/run/q/new", "/run/q/new.stderr.log", UUID, null];
  assertEquals(find("old", [qemu(7, "new"), qemu(8, "other", "another")]), found);
  assertEquals(find(null, [qemu(7, "new")]), found);
});

Deno.test("findUnrecorded() leaves a record alone whose QEMU is there", () => {
  assertEquals(find("old", [qemu(7, "new"), qemu(6, "old")]), null);
  assertEquals(find("old", []), null);
});

Deno.test("findUnrecorded() takes no QEMU that is another's, or runs elsewhere", () => {
  assertEquals(find("old", [qemu(7, "new", null), qemu(8, "new2", "another")]), null);
  assertEquals(find("old", [{ ...qemu(7, "new"), pidFile: "/run/qq/new/pid" }]), null);
  const { uuid: _none, ...config } = { name: "web", uuid: UUID };
  assertEquals(findUnrecorded({ spec: { config }, run: null }, [qemu(7, "new")], "/run/q"), null);
});

Deno.test("findUnrecorded() takes the one that was started last", () => {
  assertEquals(find("old", [qemu(9, "newest"), qemu(7, "new")])?.[0], "/run/q/newest");
});
