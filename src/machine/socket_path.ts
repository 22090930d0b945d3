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
 * What is wrong with the sockets. A schema sees a path as the config has it; here it is as QEMU gets it, in its run directory or made
 * absolute.
 *
 * @param config The config, its file names absolute.
 * @param paths The run directory's paths.
 * @returns What is wrong.
 */
export function socketIssues(config: VmConfig, paths: RunPaths): readonly NewConfigIssue[] {
  return [...tooLong(config, paths), ...takenTwice(config, paths)];
}

function tooLong(config: VmConfig, paths: RunPaths): NewConfigIssue[] {
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

/** QEMU lets a second one listen at a path, and nobody can connect to the first one any more. */
function takenTwice(config: VmConfig, paths: RunPaths): NewConfigIssue[] {
  const takers = new Map<string, string>(
    (["control", "watch", "hmp", "console", "agent", "tie"] as const).map((own) => [
      plain(paths[own]),
      `Qeeper's own socket "${own}"`,
    ]),
  );
  return listening(config, paths).flatMap(([place, at]) => {
    const first = takers.get(plain(at));
    if (first !== undefined) {
      return [{
        path: place,
        expected: "a socket of its own",
        found: `${JSON.stringify(at)}, which is ${first}`,
      }];
    }
    takers.set(plain(at), `that of ${place}`);
    return [];
  });
}

/** Where QEMU is to listen besides: the place in the config, and the path or the port. */
function listening(config: VmConfig, paths: RunPaths): [place: string, at: string][] {
  const monitors = (config.monitors ?? []).flatMap(
    ({ id, address, server = true }, index): [string, string][] => {
      const place = `monitors[${index}]`;
      if (!server) return [];
      if (address === undefined) return [[`${place}.id`, paths.monitor(id)]];
      if (address.transport === "unix") return [[`${place}.address.path`, address.path]];
      if (address.transport === "stdio" || address.port === 0) return [];
      return [[`${place}.address.port`, `${address.host}:${address.port}`]];
    },
  );
  return typeof config.display === "object" ? [...monitors, ["display.vnc", config.display.vnc]] : monitors;
}

/** A path without what leads nowhere (`//`, `/./`, `/../`); all else as it is. */
function plain(path: string): string {
  if (!path.startsWith("/")) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
