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
