import type { LaunchOptions, Vm } from "../../vm/mod.ts";
import { EvidenceRecord } from "../evidence/record.ts";
import type { Restored } from "../evidence/shell_line.ts";
import type { BootOptions, WrapOptions } from "./boot_options.ts";
import type { TestVm } from "./test_vm.ts";
import { wrapVm } from "./wrap_vm.ts";

/** A test's VM before its launch. */
export interface BootBegun {
  /** What `launch` takes. */
  readonly launching: Omit<LaunchOptions, "paused">;
  /** Whether the test wants the guest's CPUs stopped. */
  readonly paused: boolean;
  /** Makes the test's VM of what was launched, and restored. */
  wrap(vm: Vm, restored?: Restored): TestVm;
}

/**
 * Begins to note what happens to a VM, before it is launched.
 *
 * @param options What `bootVm` takes.
 * @returns What is launched with, and what follows.
 */
export function beginBoot(options: BootOptions): BootBegun {
  const { t, evidence, evidenceDir, redact, allowEnds, classifiers, paused = false, ...rest } = options;
  const { runPort: _, ...launching } = rest;
  const record = new EvidenceRecord({ test: t?.name ?? "", redact: redact ?? [] });
  const signals = [launching.signal, t?.signal].filter((signal) => signal !== undefined);
  const wrapping: WrapOptions = {
    record,
    ...(t && { t }),
    ...(evidence && { evidence }),
    ...(evidenceDir !== undefined && { evidenceDir }),
    ...(redact && { redact }),
    ...(allowEnds && { allowEnds }),
    ...(classifiers !== undefined && { classifiers }),
    ...(launching.logger && { logger: launching.logger }),
  };
  return {
    launching: {
      ...launching,
      ...(evidence === "never" ? {} : { wire: record.wire.tap }),
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    },
    paused,
    wrap: (vm, restored) => {
      if (restored) record.restoredFrom(restored);
      return wrapVm(vm, wrapping);
    },
  };
}
