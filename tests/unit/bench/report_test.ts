import { assertEquals } from "@std/assert";
import { formatGroup, type Group, judge, type Target } from "../../bench/report.ts";

const figures = new Map([["Qeeper", [90, 110, 100]], ["C", [100, 100, 100]]]);

const table: [target: Target, kind: string, text: string][] = [
  [
    { kind: "ratio", of: "Qeeper", to: "C", atLeast: 0.9 },
    "met",
    "Qeeper is 1.00 of C (best rounds 1.10); target at least 0.90: met",
  ],
  [
    { kind: "ratio", of: "Qeeper", to: "C", atLeast: 1.5 },
    "missed",
    "Qeeper is 1.00 of C (best rounds 1.10); target at least 1.50: missed",
  ],
  [
    { kind: "beyond", of: "Qeeper", to: "C", atMostMs: 0 },
    "met",
    "Qeeper takes 0.0 ms more than C (best rounds -10.0 ms); target at most 0 ms: met",
  ],
  [
    { kind: "beyond", of: "Qeeper", to: "C", atMostMs: -1 },
    "missed",
    "Qeeper takes 0.0 ms more than C (best rounds -10.0 ms); target at most -1 ms: missed",
  ],
  [
    { kind: "ratio", of: "Qeeper", to: "qemu.qmp", atLeast: 25 },
    "unknown",
    "Qeeper beside qemu.qmp: at least 25.00; not measured, there is no qemu.qmp",
  ],
];
for (const [target, kind, text] of table) {
  Deno.test(`judge() says: ${text}`, () => {
    assertEquals(judge(figures, target), { kind, text } as ReturnType<typeof judge>);
  });
}

Deno.test("formatGroup() writes a line for each contestant, target and note", () => {
  const group: Group = {
    title: "Launch",
    unit: "ms",
    figures: new Map([["Qeeper", [1200.25, 30, 40]], ["C", [20, 21, 22]]]),
    targets: [{ kind: "beyond", of: "Qeeper", to: "C", atMostMs: 5 }],
    notes: ["The machine was busy"],
  };
  assertEquals(
    formatGroup(group),
    `Launch (ms, median of 3, lowest to highest)
  Qeeper          40.0  (30.0 to 1,200.3)
  C               21.0  (20.0 to 22.0)
  [ ] Qeeper takes 19.0 ms more than C (best rounds 10.0 ms); target at most 5 ms: missed
  Note: The machine was busy`,
  );
});
