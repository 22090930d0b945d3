/**
 * What to run: the typed config, its check, and QEMU's command line for it.
 *
 * Everything here is a pure function over values: nothing is read from the host, nothing is started. A launcher checks the config
 * ({@linkcode parseVmConfig}), makes its file names absolute ({@linkcode resolveConfigPaths}), finds out {@linkcode HostFacts},
 * and gets the whole command line from {@linkcode compileArgv}.
 *
 * Design: one field becomes one option, and what a field leaves out is left to QEMU, except what is never wanted (QEMU's default
 * devices and configuration files, guessed image formats). Every string goes through one encoder, so that a file name holds
 * commas and quotes but never a second option. What QEMU itself refuses in clear words is not checked twice.
 *
 * @module
 */
export { compileArgv } from "./argv.ts";
export * from "./binary.ts";
export type {
  FirmwareConfig,
  MonitorConfig,
  SecretConfig,
  SecretFileConfig,
  SecretValueConfig,
  TopologyConfig,
  VmConfig,
} from "./config.ts";
export { ConfigError, type ConfigIssue, type NewConfigIssue } from "./config_error.ts";
export { type ConfigFile, configFiles, resolveConfigPaths } from "./config_files.ts";
export type * from "./device_config.ts";
export type { DriveConfig, DriveInterface } from "./drive_config.ts";
export type { HostFacts } from "./facts.ts";
export type * from "./network_config.ts";
export { usesStdio } from "./monitors.ts";
export { parseVmConfig } from "./parse.ts";
export { type RunPaths, runPaths } from "./run_paths.ts";
export { type SecretFile, secretFiles } from "./secrets.ts";
export {
  forwardsToRead,
  matchForwards,
  type OpenForward,
  parseUsernet,
  type UsernetForward,
} from "./usernet.ts";
