export * from "./src/vm/mod.ts";
export { compileArgv, ConfigError, type ConfigIssue, parseVmConfig, runPaths, type VmConfig } from "./src/machine/mod.ts";
