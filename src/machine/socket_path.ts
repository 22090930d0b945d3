import type { VmConfig } from "./config.ts";
import type { NewConfigIssue } from "./config_error.ts";
import type { RunPaths } from "./run_paths.ts";

/** The longest path of a unix socket, in bytes: QEMU takes one more, Deno does not. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * How long a text is as C sees it.
 *
 * @param text The text.
 * @returns Its bytes in UTF-8.
 */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * The sockets whose paths are too long. A schema sees a path as the config has it; here it is as QEMU gets it, in its run directory
 * or made absolute.
 *
 * @param config The config, its file names absolute.
 * @param paths The run directory's paths.
 * @returns What is wrong.
 */
export function socketPathIssues(config: VmConfig, paths: RunPaths): readonly NewConfigIssue[] {
  const sockets: [place: string, path: string][] = [];
  for (const [index, { id, address }] of (config.monitors ?? []).entries()) {
    if (address === undefined) sockets.push([`monitors[${index}].id`, paths.monitor(id)]);
    else if (address.transport === "unix") sockets.push([`monitors[${index}].address.path`, address.path]);
  }
  for (const [index, share] of (config.shares ?? []).entries()) {
    if (share.type === "virtiofs") sockets.push([`shares[${index}].socket`, share.socket]);
  }
  if (config.tpm !== undefined) sockets.push(["tpm.socket", config.tpm.socket]);
  if (typeof config.display === "object") sockets.push(["display.vnc", config.display.vnc]);
  return sockets.flatMap(([place, path]) => {
    const bytes = utf8Length(path);
    if (bytes <= MAX_SOCKET_PATH_BYTES) return [];
    return [{
      path: place,
      expected: `a socket whose path has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
      found: `${bytes} bytes in ${JSON.stringify(path)}`,
    }];
  });
}
