import { assertEquals } from "@std/assert";
import { type LivenessNote, noteLiveness, type StuckTold } from "../../../src/supervisor/stuck.ts";

const ON_STUCK = { afterMs: 5_000, action: "report" } as const;

function incidents(notes: readonly LivenessNote[]): (string | null)[] {
  let told: StuckTold = "no";
  return notes.map((note) => {
    const noted = noteLiveness(told, note, ON_STUCK);
    told = noted.told;
    return noted.incident;
  });
}

Deno.test("noteLiveness() tells once that a QEMU is stuck, when it has been for long enough, and once that it is no more", () => {
  for (const kind of ["busy", "stopped"] as const) {
    assertEquals(
      incidents([
        { kind: "healthy" },
        { kind, forMs: 4_999 },
        { kind, forMs: 5_000 },
        { kind, forMs: 6_000 },
        { kind: "healthy" },
        { kind: "healthy" },
      ]),
      [null, null, "stuck", null, "unstuck", null],
    );
  }
});

Deno.test("noteLiveness() does not tell twice when a busy QEMU is stopped", () => {
  assertEquals(
    incidents([{ kind: "busy", forMs: 5_000 }, { kind: "stopped", forMs: 0 }, {
      kind: "stopped",
      forMs: 9_000,
    }]),
    ["stuck", null, null],
  );
});

Deno.test("noteLiveness() says nothing of a short trouble, and leaves an end to its own incident", () => {
  assertEquals(incidents([{ kind: "busy", forMs: 4_000 }, { kind: "healthy" }]), [null, null]);
  assertEquals(incidents([{ kind: "busy", forMs: 5_000 }, { kind: "gone" }, { kind: "healthy" }]), [
    "stuck",
    null,
    null,
  ]);
});
