import { assert, assertEquals, assertThrows } from "@std/assert";
import { FAULT_KINDS, type FaultKind } from "../../chaos/fault_kinds.ts";
import { profileOf } from "../../chaos/guests.ts";
import { type Batch, planWalk } from "../../chaos/plan.ts";

const PROFILES = Array.from({ length: 8 }, (_, index) => profileOf(index));
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);
const FAULTS = 150;

function plan(seed: number): Batch[] {
  return planWalk(seed, FAULTS, PROFILES, FAULT_KINDS);
}

function kindNamed(name: string): FaultKind {
  const kind = FAULT_KINDS.find((kind) => kind.name === name);
  assert(kind, name);
  return kind;
}

Deno.test("planWalk() plans the same walk for the same seed, and another one for another", () => {
  assertEquals(plan(1), plan(1));
  assert(JSON.stringify(plan(1)) !== JSON.stringify(plan(2)));
});

Deno.test("planWalk() plans as many faults as it is told, each kind at least once", () => {
  for (const seed of SEEDS) {
    const faults = plan(seed).flat();
    assertEquals(faults.length, FAULTS);
    assertEquals(new Set(faults.map(({ kind }) => kind)), new Set(FAULT_KINDS));
  }
});

Deno.test("planWalk() gives each guest one fault at a time, which is one for its kind of guest", () => {
  for (const batch of SEEDS.flatMap(plan)) {
    const guests = batch.flatMap(({ guest }) => guest ?? []);
    assertEquals(new Set(guests).size, guests.length);
    for (const { kind, guest } of batch) {
      if (kind.takes === "supervisor") assertEquals(guest, null);
      else assert(kind.profiles.includes(profileOf(guest ?? -1)), `${kind.name} of ${guest}`);
    }
  }
});

Deno.test("planWalk() lets the supervisor have one fault at a time, and none where it has to live", () => {
  for (const batch of SEEDS.flatMap(plan)) {
    const ofSupervisor = batch.filter(({ kind }) => kind.takes !== "guest");
    assert(ofSupervisor.length <= 1);
    if (batch.some(({ kind }) => kind.beside === "no death" && kind.takes === "guest")) {
      assertEquals(ofSupervisor, []);
    }
    if (batch.some(({ kind }) => kind.beside === "nothing")) assertEquals(batch.length, 1);
  }
});

Deno.test("planWalk() lets what is slow happen at once, as far as it may", () => {
  const [first] = plan(3);
  assertEquals(
    first?.map(({ kind }) => kind.pace),
    FAULT_KINDS.flatMap(({ pace }) => pace === "slow" ? [pace] : []),
  );
});

Deno.test("planWalk() refuses what can't be planned", () => {
  const few = FAULT_KINDS.length - 1;
  assertThrows(() => planWalk(1, few, PROFILES, FAULT_KINDS), RangeError, `Cannot plan ${few} faults`);
  const kinds = [kindNamed("killed too often")];
  assertThrows(() => planWalk(1, 1, ["renew"], kinds), RangeError, 'Cannot plan "killed too often"');
});
