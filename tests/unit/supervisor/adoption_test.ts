import { assertEquals } from "@std/assert";
import { decideAdoption, type RunIdentity } from "../../../src/supervisor/adoption.ts";
import type { Evidence } from "../../../src/vm/identity.ts";

const UUID = "5b0bd6ea-7d2e-4c6f-9a43-2d6a3b8f7e10";
const run: RunIdentity = { runDir: "/run/web", uuid: UUID, pid: 7, startTime: "100" };
const process = {
  ...{ pid: 7, state: "S", startTime: "100", threads: 3 },
  argv: ["qemu-system-x86_64", "-uuid", UUID, "-pidfile", "/run/web/pid"],
};
const answers = { socket: "answers", uuid: UUID, name: "web" } as const;
const silent = { uuid: null, name: null } as const;
const ours: Evidence = { pidFile: { pid: 7 }, process, lockOwner: 7, ...answers };

const CASES: [name: string, evidence: Partial<Evidence>, decision: string, run?: Partial<RunIdentity>][] = [
  ["its process, which answers", {}, "adopt answers allowed"],
  ["its process, whose pid nobody wrote down", {}, "adopt answers allowed", { pid: null, startTime: null }],
  ["its process, which does not answer", { socket: "busy", ...silent }, "adopt lost allowed"],
  [
    "its process, and another QEMU at its socket",
    { uuid: "0".repeat(8) + UUID.slice(8) },
    "adopt lost allowed",
  ],
  [
    "a UUID in capital letters, which QEMU answers in small ones",
    {
      process: { ...process, argv: process.argv.map((word) => word === UUID ? UUID.toUpperCase() : word) },
    },
    "adopt answers allowed",
    { uuid: UUID.toUpperCase() },
  ],
  [
    "a UUID in capital letters, and no look at the process",
    { process: "not-permitted" },
    "adopt answers not-allowed",
    {
      uuid: UUID.toUpperCase(),
    },
  ],
  ["no look at the process, and its QEMU answers", { process: "not-permitted" }, "adopt answers not-allowed"],
  [
    "no look at the process, and another QEMU answers",
    { process: "not-permitted", uuid: "another" },
    "foreign",
  ],
  ["no look at the process, and somebody has its monitor", {
    ...{ process: "not-permitted", socket: "busy" },
    ...silent,
  }, "unverifiable"],
  ["no look at the process, and nobody listens", {
    ...{ process: "not-permitted", socket: "refused" },
    ...silent,
  }, "gone"],
  ["no process, and nobody listens", { process: "none", socket: "missing", ...silent }, "gone"],
  ["a zombie", { process: { ...process, state: "Z" }, socket: "refused", ...silent }, "gone"],
  ["a later process with its pid", {
    ...{ process: { ...process, startTime: "200" }, socket: "refused" },
    ...silent,
  }, "gone"],
  ["another process with its pid", {
    ...{ process: { ...process, argv: ["sleep", "1000"] }, socket: "missing" },
    ...silent,
  }, "gone"],
  ["another process has the lock of its pidfile", { lockOwner: 8, socket: "missing", ...silent }, "gone"],
  [
    "another process has its pid, and its QEMU answers",
    { process: { ...process, argv: ["sleep"] } },
    "adopt answers not-allowed",
  ],
];

for (const [name, evidence, expected, more] of CASES) {
  Deno.test(`decideAdoption(): ${name}: ${expected}`, () => {
    const decision = decideAdoption({ ...run, ...more }, { ...ours, ...evidence } as Evidence);
    const said = decision.kind === "adopt" ? `adopt ${decision.monitor} ${decision.signals}` : decision.kind;
    assertEquals(said, expected);
  });
}
