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

/** A unix socket that a config names. */
export interface NamedSocket {
  /** Its place in the config. */
  place: string;
  path: string;
  /** Who listens on it. */
  listener: "QEMU" | "another";
}

/**
 * The unix sockets that a config names, outside of the run directory.
 *
 * @param config The config.
 * @returns Each with its place.
 */
export function namedSockets({ monitors = [], shares = [], tpm, display }: VmConfig): readonly NamedSocket[] {
  const sockets: NamedSocket[] = [];
  for (const [index, { address, server = true }] of monitors.entries()) {
    if (address?.transport !== "unix") continue;
    const listener = server ? "QEMU" : "another";
    sockets.push({ place: `monitors[${index}].address.path`, path: address.path, listener });
  }
  for (const [index, share] of shares.entries()) {
    if (share.type !== "virtiofs") continue;
    sockets.push({ place: `shares[${index}].socket`, path: share.socket, listener: "another" });
  }
  if (tpm !== undefined) sockets.push({ place: "tpm.socket", path: tpm.socket, listener: "another" });
  if (typeof display === "object") {
    sockets.push({ place: "display.vnc", path: display.vnc, listener: "QEMU" });
  }
  return sockets;
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
  const inRunDir = (config.monitors ?? []).flatMap(({ id, address }, index): NamedSocket[] =>
    address === undefined
      ? [{ place: `monitors[${index}].id`, path: paths.monitor(id), listener: "QEMU" }]
      : []
  );
  const sockets = [...inRunDir, ...namedSockets(config)];
  return [...tooLong(sockets), ...takenTwice(sockets, config, paths)];
}

function tooLong(sockets: readonly NamedSocket[]): NewConfigIssue[] {
  return sockets.flatMap(({ place, path }) => {
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
function takenTwice(sockets: readonly NamedSocket[], config: VmConfig, paths: RunPaths): NewConfigIssue[] {
  const takers = new Map<string, string>(
    (["control", "watch", "hmp", "console", "agent", "tie"] as const).map((own) => [
      plain(paths[own]),
      `Qeeper's own socket "${own}"`,
    ]),
  );
  const ports = (config.monitors ?? []).flatMap(({ address, server = true }, index) =>
    server && address?.transport === "tcp" && address.port !== 0
      ? [{ place: `monitors[${index}].address.port`, path: `${address.host}:${address.port}` }]
      : []
  );
  const listening = sockets.filter(({ listener }) => listener === "QEMU");
  return [...listening, ...ports].flatMap(({ place, path }) => {
    const first = takers.get(plain(path));
    if (first === undefined) {
      takers.set(plain(path), `that of ${place}`);
      return [];
    }
    return [{
      path: place,
      expected: "a socket of its own",
      found: `${JSON.stringify(path)}, which is ${first}`,
    }];
  });
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
