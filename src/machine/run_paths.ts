import { MAX_SOCKET_PATH_BYTES, utf8Length } from "./socket_path.ts";

/**
 * Where everything of one running VM is: absolute paths in its run directory. The names are short, because a unix
 * socket's path may have 107 bytes at most.
 */
export interface RunPaths {
  /** The run directory itself. */
  dir: string;
  /** Socket of the QMP monitor for commands. */
  control: string;
  /** Socket of the QMP monitor for events. */
  watch: string;
  /** Socket of the monitor for people. */
  hmp: string;
  /** Socket of the guest's console. */
  console: string;
  /** What the console said, written by QEMU itself. */
  consoleLog: string;
  /** Socket of the guest agent's channel. */
  agent: string;
  /** The flight recorder: QEMU reads `.in` and writes every event to `.out`; this is the path without either. */
  recorder: string;
  /** QEMU's pid file, which it locks as long as it runs. */
  pidFile: string;
  /** What QEMU said on stderr, where it is kept in a file. */
  stderr: string;
  /** QEMU's log of CPU resets. */
  cpuResetLog: string;
  /** Socket that a launch listens on while its QEMU starts: QEMU reports there, and sees whether the launch still lives. */
  tie: string;
  /** Made by the launch that takes a directory of the caller's choice, before it looks whether that is empty. */
  claim: string;
  /** Locked as long as the script that owns the VM lives. */
  owner: string;
  /** Socket of a monitor of the user's own. */
  monitor(id: string): string;
  /** File of a secret that was given by value. */
  secret(id: string): string;
}

/**
 * The paths in a run directory. Nothing is created.
 *
 * @param dir The run directory, an absolute path.
 * @returns Every path, absolute.
 * @throws {TypeError} If `dir` is not absolute, or so long that no socket fits into it.
 *
 * @example
 * ```ts
 * import { runPaths } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const paths = runPaths("/run/qeeper/web");
 *
 * assertEquals(paths.control, "/run/qeeper/web/control");
 * assertEquals(paths.monitor("extra"), "/run/qeeper/web/extra.mon");
 * ```
 */
export function runPaths(dir: string): RunPaths {
  if (!dir.startsWith("/")) {
    throw new TypeError(`Cannot use ${JSON.stringify(dir)} as a run directory: expected an absolute path`);
  }
  const root = dir.replace(/\/+$/, "");
  const longest = utf8Length(`${root}/control`);
  if (longest > MAX_SOCKET_PATH_BYTES) {
    throw new TypeError(
      `Cannot use ${
        JSON.stringify(dir)
      } as a run directory: its sockets would have paths of ${longest} bytes, ` +
        `expected at most ${MAX_SOCKET_PATH_BYTES}`,
    );
  }
  return {
    dir: root === "" ? "/" : root,
    control: `${root}/control`,
    watch: `${root}/watch`,
    hmp: `${root}/hmp`,
    console: `${root}/console`,
    consoleLog: `${root}/console.log`,
    agent: `${root}/agent`,
    recorder: `${root}/rec`,
    pidFile: `${root}/pid`,
    stderr: `${root}/stderr.log`,
    cpuResetLog: `${root}/resets.log`,
    tie: `${root}/tie`,
    claim: `${root}/claim`,
    owner: `${root}/owner`,
    // An id has no slash, and none of the names above ends like these.
    monitor: (id) => `${root}/${id}.mon`,
    secret: (id) => `${root}/${id}.secret`,
  };
}
