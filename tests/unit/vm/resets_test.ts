import { assertEquals } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import {
  hasTripleFault,
  hasWholeEntry,
  lastReset,
  lastResetEntries,
  NO_ENTRY,
  type ResetEntry,
  type ResetHabit,
  type ResetHistory,
  takeResetEntry,
  trackReset,
} from "../../../src/vm/resets.ts";

const BY_FIRMWARE: ResetEntry = { tripleFault: true, origin: "firmware" };
const BY_GUEST: ResetEntry = { tripleFault: false, origin: "elsewhere" };

/** A reset: `G` by the guest, `H` by the host, `W` by the watchdog; after so many milliseconds; with what the log has. */
type Step = [by: "G" | "H" | "W", afterMs: number, entry?: ResetEntry];

/** What each reset was taken for: an end by its cause, or nothing. */
function follow(habit: ResetHabit, steps: readonly Step[]): (string | null)[] {
  let history: ResetHistory = null;
  let atMs = 1_000_000;
  return steps.map(([by, afterMs, entry = NO_ENTRY]) => {
    atMs += afterMs;
    const reset = { atMs, by: by === "H" ? "host" : "guest", watchdog: by === "W" } as const;
    const step = trackReset(history, reset, entry, habit);
    history = step.history;
    return step.end?.cause ?? null;
  });
}

Deno.test("trackReset() takes SeaBIOS's repetitions for none, whether the log tells or only the time", async (t) => {
  // As they were measured on 7.2, pc and q35, on a quiet host and on a busy one.
  const measured: Record<string, number[]> = {
    "one repetition": [33.7],
    "two": [34.3, 1.0],
    "four": [34.6, 3.8, 15.2, 0.9],
    "four, the third one late": [26.3, 2.5, 20.2, 0.6],
    "three, on a busy host": [64.1, 5.2, 33.8],
    "one, on a very busy host": [456.4],
  };
  for (const [name, gaps] of Object.entries(measured)) {
    await t.step(name, () => {
      for (const entry of [NO_ENTRY, BY_FIRMWARE]) {
        const life = (afterMs: number): Step[] => [
          ["G", afterMs, entry === NO_ENTRY ? entry : BY_GUEST],
          ...gaps.map((gap): Step => ["G", gap, entry]),
        ];
        const once = ["guest-reset", ...gaps.map(() => null)];
        // The guest boots and resets itself again, as soon as was seen.
        assertEquals(follow("repeats", [...life(0), ...life(88.4)]), [...once, ...once]);
      }
    });
  }
});

Deno.test("trackReset() goes by the log rather than by the time", () => {
  // A host that stands still for a second makes a repetition late,
  assertEquals(follow("repeats", [["G", 0, BY_GUEST], ["G", 30, BY_FIRMWARE], ["G", 1_500, BY_FIRMWARE]]), [
    "guest-reset",
    null,
    null,
  ]);
  // and a quick guest resets itself sooner than the firmware would.
  assertEquals(follow("repeats", [["G", 0, BY_GUEST], ["G", 5, BY_GUEST]]), ["guest-reset", "guest-reset"]);
});

Deno.test("trackReset() does not take a reset by way of the firmware for a repetition when no reset was near", () => {
  assertEquals(follow("repeats", [["G", 0, BY_FIRMWARE]]), ["guest-reset"]);
  assertEquals(follow("repeats", [["G", 0, BY_GUEST], ["G", 2_000, BY_FIRMWARE]]), [
    "guest-reset",
    "guest-reset",
  ]);
});

Deno.test("trackReset() takes each reset by itself where the firmware does not repeat it", () => {
  assertEquals(follow("once", [["G", 0], ["G", 1], ["G", 30, BY_FIRMWARE], ["G", 0.2]]), [
    "guest-reset",
    "guest-reset",
    "guest-reset",
    "guest-reset",
  ]);
});

Deno.test("trackReset() takes a host's reset, and its repetitions, for no end", () => {
  assertEquals(follow("repeats", [["H", 0], ["G", 34], ["G", 1]]), [null, null, null]);
  assertEquals(follow("repeats", [["G", 0], ["G", 34], ["H", 1], ["G", 34], ["G", 5]]), [
    "guest-reset",
    null,
    null,
    null,
    null,
  ]);
  assertEquals(follow("once", [["H", 0], ["H", 1]]), [null, null]);
});

Deno.test("trackReset() takes a watchdog's reset for an end, at any time, and its repetition for none", () => {
  assertEquals(follow("repeats", [["W", 0], ["G", 34], ["G", 1]]), ["watchdog", null, null]);
  assertEquals(follow("repeats", [["G", 0], ["W", 10], ["G", 34]]), ["guest-reset", "watchdog", null]);
  assertEquals(follow("once", [["W", 0], ["G", 34]]), ["watchdog", "guest-reset"]);
});

/** An entry as QEMU writes it, without what nobody looks at. */
function entry(cpu: number, pointer: string, codeSegment: string): string {
  return `CPU Reset (CPU ${cpu})\nEAX=00000000 EBX=00000000\n${pointer} EFL=00000246 [---Z-P-] CPL=0 II=0\nCS =${codeSegment}\n`;
}
const GUEST = entry(0, "EIP=00007ce7", "0000 00000000 0000ffff 00009b00");
const SEABIOS = entry(0, "EIP=000efaad", "0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]");

Deno.test("takeResetEntry() tells the firmware's resets from the guest's by where the CPU was", async (t) => {
  const cases: [string, string, string, ResetEntry["origin"]][] = [
    ["a boot sector", "EIP=00007ce7", "0000 00000000 0000ffff 00009b00", "elsewhere"],
    ["SeaBIOS in 32 bits", "EIP=000efaad", "0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]", "firmware"],
    ["SeaBIOS in 16 bits", "EIP=0000fea5", "f000 000f0000 0000ffff 00009b00", "firmware"],
    ["the reset vector", "EIP=0000fff0", "f000 ffff0000 0000ffff 00009b00", "firmware"],
    [
      "Linux",
      "RIP=ffffffff8102d2a5",
      "0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]",
      "elsewhere",
    ],
    ["a kernel at 1 MiB", "EIP=00100000", "0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]", "elsewhere"],
    ["nothing that can be read", "PC=00000000", "", "unknown"],
  ];
  for (const [name, pointer, segment, origin] of cases) {
    await t.step(name, () => {
      assertEquals(takeResetEntry(entry(0, pointer, segment)).entry, { tripleFault: false, origin });
    });
  }
});

Deno.test("hasWholeEntry() tells of an entry only when another one follows it", () => {
  const other = entry(1, "EIP=00007ce7", "0000 00000000 0000ffff 00009b00");
  const cases: [text: string, is: boolean][] = [
    ["", false],
    [GUEST, false],
    [`${GUEST}Triple fault\n`, false],
    [`${GUEST}Triple fault\n${SEABIOS}`, true],
    [`${GUEST}${other}`, true],
    [`${other}${other}`, false],
    [`${other}${GUEST}`, false],
  ];
  for (const [text, is] of cases) assertEquals(hasWholeEntry(text), is, text);
});

Deno.test("takeResetEntry() takes one entry of the whole machine at a time, and a triple fault with the reset after it", () => {
  const others = entry(1, "EIP=00007ce7", "0000 00000000 0000ffff 00009b00");
  let text = `${GUEST}${others}Triple fault\n${SEABIOS}${others}${others}${GUEST}`;
  const entries: (ResetEntry | null)[] = [];
  for (;;) {
    const { entry, rest } = takeResetEntry(text);
    entries.push(entry);
    text = rest;
    if (entry === null) break;
  }
  assertEquals(entries, [
    { tripleFault: false, origin: "elsewhere" },
    { tripleFault: true, origin: "firmware" },
    { tripleFault: false, origin: "elsewhere" },
    null,
  ]);
});

Deno.test("takeResetEntry() leaves a text without an entry as it is, so that it can grow", () => {
  assertEquals(takeResetEntry("Triple fault\nCPU Re"), { entry: null, rest: "Triple fault\nCPU Re" });
  assertEquals(takeResetEntry(""), { entry: null, rest: "" });
});

Deno.test("hasTripleFault() finds the words that QEMU writes", () => {
  assertEquals([hasTripleFault(`${GUEST}Triple fault\n`), hasTripleFault(GUEST)], [true, false]);
});

Deno.test("lastResetEntries() gives the last entries, each with what led to it, and what follows them", () => {
  const text = `${GUEST}Triple fault\n${SEABIOS}${GUEST}Triple fault\n`;
  const entriesOf = (rest: string): (ResetEntry | null)[] => {
    const { entry, rest: more } = takeResetEntry(rest);
    return entry === null ? [] : [entry, ...entriesOf(more)];
  };
  const all = entriesOf(text);
  assertEquals(all.length, 3);
  for (let count = 0; count <= 3; count++) {
    assertEquals(entriesOf(lastResetEntries(text, count)), all.slice(3 - count));
  }
  assertEquals(lastResetEntries(text, 4), text);
  assertEquals(hasTripleFault(lastResetEntries(text, 0)), true);
  assertEquals(hasTripleFault(lastResetEntries(`Triple fault\n${GUEST}`, 0)), false);
  assertEquals(lastResetEntries("", 0), "");
});

Deno.test("lastReset() remembers the last reset that was seen before, so that its repetition is known for one", () => {
  const at = (event: string, seconds: number): AnyQmpEvent => ({
    event,
    timestamp: { seconds, microseconds: 500 },
  });
  assertEquals(lastReset([at("RESUME", 1)]), null);
  const history = lastReset([at("RESET", 1), at("RESET", 2), at("STOP", 3)]);
  assertEquals(history, { atMs: 2_000.5, firstGapMs: null });
  const repeated = { atMs: 2_030, by: "guest", watchdog: false } as const;
  assertEquals(trackReset(history, repeated, BY_FIRMWARE, "repeats").end, null);
});
