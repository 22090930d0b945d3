import { assertThrows } from "@std/assert";
import { checkOptions } from "../../../src/supervisor/check_options.ts";
import type { SupervisorOptions } from "../../../src/supervisor/supervisor.ts";

Deno.test("checkOptions() takes what a supervisor is opened with", () => {
  checkOptions({});
  checkOptions({ stateDir: "/s", runtimeDir: "r", lifetime: "detached", signals: "leave", telemetry: "on" });
  checkOptions({ journal: { maxBytes: 1, keep: 0 } });
});

Deno.test("checkOptions() names what is wrong, and what there is", async (t) => {
  const cases: [options: object, error: new () => Error, said: string][] = [
    [{ stateDir: "" }, TypeError, `'stateDir' must be the path of a directory: current value is ""`],
    [{ runtimeDir: 7 }, TypeError, "'runtimeDir' must be the path of a directory: current value is 7"],
    [{ statedir: "/s" }, TypeError, `its options have no "statedir"; there are: stateDir, `],
    [{ signals: "sometimes" }, TypeError, "'signals' must be one of stop, leave, ignore"],
    [{ lifetime: "" }, TypeError, "'lifetime' must be one of owned, detached"],
    [{ telemetry: true }, TypeError, "'telemetry' must be one of on, off: current value is true"],
    [{ journal: { maxBytes: NaN } }, RangeError, "'journal.maxBytes' must be a whole number of at least 1"],
    [{ journal: { keep: -1 } }, RangeError, "'journal.keep' must be a whole number of at least 0"],
    [{ journal: { size: 1 } }, TypeError, `'journal' has no "size"; there are: maxBytes, keep`],
  ];
  for (const [options, error, said] of cases) {
    await t.step(said, () => {
      assertThrows(() => checkOptions(options as SupervisorOptions), error, said);
    });
  }
});
