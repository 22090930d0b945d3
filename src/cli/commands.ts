import type { Command } from "./command.ts";
import type { CommandSummary } from "./help.ts";

/** A subcommand, and where it is. */
export interface CommandEntry extends CommandSummary {
  /** Imports it: what is not asked for is not loaded, so that the help comes at once. */
  load(): Promise<Command>;
}

/** The subcommands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "boot a guest and stay until its end, with its console here",
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "up",
    summary: "run a group of guests, in order, with their helpers",
    load: async () => (await import("./up.ts")).up,
  },
  {
    name: "argv",
    summary: "print the QEMU command line of a config",
    load: async () => (await import("./argv.ts")).argv,
  },
  {
    name: "qmp",
    summary: "talk to a QMP monitor: one command, a shell, or its events",
    load: async () => (await import("./qmp.ts")).qmp,
  },
  {
    name: "info",
    summary: "say what a running QEMU is and has",
    load: async () => (await import("./info.ts")).info,
  },
  {
    name: "types",
    summary: "write the TypeScript types of the QEMU that you have",
    load: async () => (await import("./types.ts")).types,
  },
  {
    name: "replay",
    summary: "run a supervisor's journal through another policy",
    load: async () => (await import("./replay.ts")).replay,
  },
  {
    name: "doctor",
    summary: "say what this machine can run",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "help",
    summary: "explain a command",
    load: async () => (await import("./help_command.ts")).help,
  },
];
