import type { MonitorAddress } from "../qmp/mod.ts";
import { UsageError } from "./command.ts";

/** The longest path of a unix socket, in bytes. */
const MAX_PATH_BYTES = 107;

/** The forms of an address, for help and errors. */
export const ADDRESS_FORMS = "unix:/path, /path, @abstract-name, tcp:host:port, host:port or [::1]:port";

/**
 * Reads a monitor's address.
 *
 * @param text What was typed.
 * @returns The address.
 * @throws {UsageError} When it is none; it says what an address looks like.
 */
export function parseAddress(text: string): MonitorAddress {
  if (text.startsWith("unix:")) return unixAddress(text.slice("unix:".length), text);
  if (text.startsWith("tcp:")) return tcpAddress(text.slice("tcp:".length), text);
  // A path may hold colons; a host and port hold no slash.
  if (text.includes("/") || text.startsWith("@")) return unixAddress(text, text);
  if (text.includes(":")) return tcpAddress(text, text);
  if (/^\d+$/.test(text)) throw wrong(text, `a port alone is not enough: localhost:${text}`);
  if (text === "stdio") throw wrong(text, "only the process that started QEMU can use its stdio");
  return unixAddress(text, text);
}

function unixAddress(path: string, text: string): MonitorAddress {
  if (/,(server|wait|nowait|abstract)\b/.test(path)) {
    throw wrong(text, "options such as ,server=on are QEMU's; leave them out here");
  }
  const name = path.startsWith("@") ? `\0${path.slice(1)}` : path;
  if (path === "" || name === "\0") throw wrong(text, "there is no path in it");
  if (name.slice(1).includes("\0")) throw wrong(text, "a path holds no NUL");
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_PATH_BYTES) {
    throw wrong(
      text,
      `its path has ${bytes} bytes, and at most ${MAX_PATH_BYTES} fit into a socket's address`,
    );
  }
  return { transport: "unix", path: name };
}

function tcpAddress(rest: string, text: string): MonitorAddress {
  const found = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]]*)):(\d+)$/.exec(rest);
  if (found === null) throw wrong(text, "expected a host, a colon and a port");
  const [, bracketed, plain, digits = ""] = found;
  const port = Number(digits);
  if (port < 1 || port > 65535) throw wrong(text, `${digits} is no port: expected 1 to 65535`);
  // QEMU itself takes an empty host for all of its addresses; to connect to, that is this machine.
  return { transport: "tcp", host: bracketed ?? (plain || "localhost"), port };
}

function wrong(text: string, why: string): UsageError {
  return new UsageError(
    `Cannot use ${JSON.stringify(text)} as a monitor's address: ${why} (forms: ${ADDRESS_FORMS})`,
  );
}
