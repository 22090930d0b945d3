/** A monitor on a unix socket: `path` has at most 107 bytes; a leading NUL makes it an abstract one. */
export interface UnixAddress {
  transport: "unix";
  path: string;
}

/** A monitor on TCP. QMP has no authentication of its own: whoever connects owns the guest. */
export interface TcpAddress {
  transport: "tcp";
  host: string;
  port: number;
}

/** A monitor on QEMU's own stdin and stdout; only the process that spawned QEMU can speak on it. */
export interface StdioAddress {
  transport: "stdio";
}

/** Where a monitor is found. */
export type MonitorAddress = UnixAddress | TcpAddress | StdioAddress;

/**
 * The address in the words that QEMU's own tools use for it: `unix:/run/vm/qmp`, `tcp:localhost:4444`, `stdio`.
 *
 * @param address Any monitor address.
 * @returns One word, for messages.
 */
export function formatAddress(address: MonitorAddress): string {
  switch (address.transport) {
    case "unix":
      return `unix:${address.path.replace(/^\0/, "@")}`;
    case "tcp":
      return `tcp:${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
    case "stdio":
      return "stdio";
  }
}

/**
 * Refuses what is no address, as a script without types may give one.
 *
 * @param address Anything.
 * @throws {TypeError} When it is none; it says what one looks like.
 */
export function assertAddress(address: unknown): asserts address is MonitorAddress {
  const { transport, path, host, port } = Object(address);
  const isOne = (transport === "unix" && typeof path === "string") || transport === "stdio" ||
    (transport === "tcp" && typeof host === "string" && Number.isInteger(port) && port >= 0 && port <= 65535);
  if (isOne) return;
  throw new TypeError(
    `Cannot use ${shown(address)} as a monitor's address: expected { transport: "unix", path }, ` +
      '{ transport: "tcp", host, port } or { transport: "stdio" }',
  );
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, member) => typeof member === "bigint" ? `${member}n` : member) ??
      String(value);
  } catch {
    return "an object that has no JSON";
  }
}
