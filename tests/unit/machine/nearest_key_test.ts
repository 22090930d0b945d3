import { assertEquals } from "@std/assert";
import { nearestKey } from "../../../src/machine/nearest_key.ts";

const KEYS = ["name", "cpu", "cpus", "memoryMiB", "drives", "networks", "rng", "rtc"];

Deno.test("nearestKey() finds what a misspelt key is meant to be, and nothing for another word", () => {
  const cases: [string, string | undefined][] = [
    ["cpuss", "cpus"],
    ["CPU", "cpu"],
    ["nmae", "name"],
    ["drive", "drives"],
    ["memorymib", "memoryMiB"],
    ["memory", "memoryMiB"],
    ["netwrok", "networks"],
    ["rtx", "rtc"],
    ["usb", undefined],
    ["m", undefined],
    ["", undefined],
    ["x".repeat(1000), undefined],
  ];
  for (const [key, expected] of cases) assertEquals(nearestKey(key, KEYS), expected, key);
  assertEquals(nearestKey("anything", []), undefined);
});
