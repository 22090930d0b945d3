import type { VmConfig } from "../../machine/mod.ts";
import type { LaunchOptions, Vm } from "../../vm/mod.ts";
import type { Restored } from "../evidence/shell_line.ts";

/** What a fixture makes of the VMs that it launches: `T` is what its callers get, `O` is what they say about it. */
export interface VmMaker<T extends AsyncDisposable, O> {
  /** What is to be launched for a config of the user's. */
  config(config: VmConfig): VmConfig;
  /** Begins with one VM: a clone, or the one that the template is made from, which the caller does not get. */
  begin(options: O, role: "clone" | "template"): StartingVm<T>;
}

/** A VM that is about to be launched. */
export interface StartingVm<T extends AsyncDisposable> {
  readonly launch: Omit<LaunchOptions, "paused">;
  /** Whether the caller wants it paused. */
  readonly paused: boolean;
  /** Makes of the VM, which is paused, and may have been restored, what the caller gets. From here on that owns the VM. */
  wrap(vm: Vm, restored?: Restored): T;
}
