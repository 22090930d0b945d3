import type { Vm } from "../../vm/mod.ts";
import type { WrapOptions } from "./boot_options.ts";
import { GuestKeeper } from "./guest_keeper.ts";
import type { TestVm } from "./test_vm.ts";
import { WrappedVm } from "./wrapped_vm.ts";

/**
 * Makes a test's VM of one that runs already. The test's VM owns it from here on.
 *
 * @param vm The VM. What happened to it before this call is not seen, so have it paused until then where that counts.
 * @param options What the test says about it.
 * @returns The test's VM; dispose of it.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { wrapVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = wrapVm(await launch({ name: "web", accel: "tcg" }, { paused: true }));
 * await vm.resume();
 * assertEquals((await vm.status()).running, true);
 * ```
 */
export function wrapVm(vm: Vm, options: WrapOptions = {}): TestVm {
  const keeper = new GuestKeeper(vm, options);
  const wrapped = new WrappedVm(vm, keeper, options);
  options.t?.adopt(keeper);
  return wrapped;
}
