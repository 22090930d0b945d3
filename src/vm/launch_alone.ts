/**
 * `launch` and nothing else: for scripts that start often and want to be quick. What a running VM needs is loaded while its QEMU
 * starts, and the supervisor not at all; the whole of `@qeeper/qeeper` takes about 5 ms longer to load.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper/launch";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * assertEquals((await vm.status()).status, "running");
 * ```
 *
 * @module
 */
export { ConfigError } from "../machine/config_error.ts";
export type { VmConfig } from "../machine/config.ts";
export { LaunchError } from "./errors.ts";
export { launch } from "./launch.ts";
export type { Verdict, VerdictCause } from "./verdict_types.ts";
export type { LaunchOptions, ShutdownOptions, Vm } from "./vm.ts";
