import type { SupervisedVm } from "../spec.ts";
import type { Strategy } from "./strategy.ts";

/**
 * Guests that belong together: who needs whom, and who is restarted with whom.
 *
 * @example
 * ```ts
 * import { type GroupConfig, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const guest = { config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } } as const;
 * const config: GroupConfig = {
 *   strategy: "rest-for-one",
 *   vms: { db: guest, web: { ...guest, dependsOn: ["db"] } },
 * };
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * await using group = await openGroup(supervisor, config);
 * await group.start();
 * assertEquals(supervisor.list().map(({ name, phase }) => `${name} ${phase}`), ["db up", "web up"]);
 * ```
 */
export interface GroupConfig {
  /** The group's name: letters, digits and `._-`. Default `group`. It is remembered by it where a state directory is. */
  name?: string;
  /** Who is restarted when one has to be. Default `one-for-one`. */
  strategy?: Strategy;
  /** The guests by their names. What does not depend on each other is started at the same time. */
  vms: Readonly<Record<string, GroupMember>>;
}

/**
 * A guest of a group: what a supervisor keeps, and what is around it. A restart begins anew with its helpers, and its limit counts all of
 * its restarts but those for another's sake.
 *
 * @example
 * ```ts
 * import { type GroupMember, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const web: GroupMember = {
 *   config: { memoryMiB: 512, tpm: { socket: "{run}/tpm" } },
 *   restart: "always",
 *   dependsOn: ["db"],
 *   helpers: [{
 *     name: "tpm",
 *     command: ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=tpm-state", "--ctrl", "type=unixio,path={run}/tpm"],
 *     socket: "{run}/tpm",
 *   }],
 * };
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * await using group = await openGroup(supervisor, { vms: { db: { config: {} }, web } });
 * assertEquals(group.get("web")?.waitsFor, ["db"]);
 * ```
 */
export interface GroupMember extends SupervisedVm {
  /**
   * The members that have to be ready before it is started: their readiness probes pass, or where they have none their QEMU runs. When it is
   * to be stopped with one of them, it is stopped before.
   */
  dependsOn?: readonly string[];
  /** How long its own readiness probes may take to pass, in milliseconds, before it has failed as `unresponsive`. Default 300000. */
  readyWithinMs?: number;
  /** The processes that its QEMU needs, in the order in which they are started. */
  helpers?: readonly HelperConfig[];
}

/**
 * A process that a guest needs: swtpm, virtiofsd, passt. It is started before its guest and stopped after it, anew for each life.
 *
 * `{run}` at the beginning of an argument, or behind an `=` in it, is the group's private directory for sockets; so it is in the config's
 * `tpm.socket`, `shares[].socket` and `extraArgs`. Its path has nothing in it that could end a value, or begin an option.
 *
 * @example
 * ```ts
 * import type { HelperConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const files: HelperConfig = {
 *   name: "files",
 *   command: ["/usr/libexec/virtiofsd", "--socket-path={run}/files", "--shared-dir=www"],
 *   socket: "{run}/files",
 * };
 * const share = { type: "virtiofs", socket: "{run}/files", tag: "www" };
 * assertEquals(share.socket, files.socket);
 * ```
 */
export interface HelperConfig {
  /** What it is called here: letters, digits and `._-`; once in a guest. */
  name: string;
  /** The program and its arguments. There is no shell. It runs in the folder of the group's file. */
  command: readonly string[];
  /** The unix socket on which it listens when it is ready. Without one it is ready at once. */
  socket?: string;
  /** How long that may take, in milliseconds. Default 10000. */
  readyWithinMs?: number;
  /**
   * What to do when it ends before its guest: `restart` the guest around it, since QEMU hangs or fails without it (default); or `report` it
   * and leave the guest alone.
   */
  onEnd?: "restart" | "report";
}
