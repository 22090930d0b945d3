import { assertEquals } from "@std/assert";
import { FAULT_KINDS } from "../../chaos/fault_kinds.ts";
import { GUEST_FAULTS } from "../../chaos/guest_faults.ts";
import { SHARED_FAULTS, SUPERVISOR_FAULTS } from "../../chaos/supervisor_faults.ts";

const tables = { guest: GUEST_FAULTS, supervisor: SUPERVISOR_FAULTS, both: SHARED_FAULTS };

for (const takes of ["guest", "supervisor", "both"] as const) {
  Deno.test(`every fault that takes ${takes} is one that can be done, and the other way round`, () => {
    const named = FAULT_KINDS.filter((kind) => kind.takes === takes).map(({ name }) => name);
    assertEquals(named.toSorted(), Object.keys(tables[takes]).sort());
  });
}
