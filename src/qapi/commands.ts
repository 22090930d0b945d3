import type { StatusInfo } from "./run_state.ts";

/** No arguments at all. */
export type NoArguments = Record<string, never>;
/** The empty object that commands without a result return. */
export type Empty = Record<string, never>;

/** The arguments and the result of each command. */
export interface QmpCommands {
  cont: { arguments: NoArguments; returns: Empty };
  "human-monitor-command": {
    arguments: { "command-line": string; "cpu-index"?: number };
    returns: string;
  };
  "inject-nmi": { arguments: NoArguments; returns: Empty };
  qmp_capabilities: { arguments: { enable?: string[] }; returns: Empty };
  "query-chardev": {
    arguments: NoArguments;
    returns: { label: string; filename: string; "frontend-open": boolean }[];
  };
  "query-commands": { arguments: NoArguments; returns: { name: string }[] };
  "query-kvm": { arguments: NoArguments; returns: { enabled: boolean; present: boolean } };
  "query-name": { arguments: NoArguments; returns: { name?: string } };
  "query-status": { arguments: NoArguments; returns: StatusInfo };
  "query-uuid": { arguments: NoArguments; returns: { UUID: string } };
  "query-version": {
    arguments: NoArguments;
    returns: { qemu: { major: number; minor: number; micro: number }; package: string };
  };
  "query-yank": { arguments: NoArguments; returns: Record<string, unknown>[] };
  quit: { arguments: NoArguments; returns: Empty };
  screendump: {
    arguments: { filename: string; device?: string; head?: number; format?: "ppm" | "png" };
    returns: Empty;
  };
  "set-action": {
    arguments: {
      reboot?: "reset" | "shutdown";
      shutdown?: "poweroff" | "pause";
      panic?: "none" | "pause" | "shutdown" | "exit-failure";
      watchdog?: "reset" | "shutdown" | "poweroff" | "pause" | "debug" | "none" | "inject-nmi";
    };
    returns: Empty;
  };
  stop: { arguments: NoArguments; returns: Empty };
  system_powerdown: { arguments: NoArguments; returns: Empty };
  system_reset: { arguments: NoArguments; returns: Empty };
  system_wakeup: { arguments: NoArguments; returns: Empty };
}
