/** As `sockaddr_un` has it: two bytes for the family, then the path. */
const ADDRESS_BYTES = 128;
const PATH_OFFSET = 2;
/** Both directions. */
const SHUT_RDWR = 2;

/**
 * Shuts this process's connections to unix sockets down, for both sides, as if the kernel had: nobody who uses them knows of it before.
 *
 * @param paths Where the other side listened.
 * @returns How many there were.
 */
export async function dropConnections(paths: readonly string[]): Promise<number> {
  const libc = Deno.dlopen("libc.so.6", {
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
  });
  try {
    let dropped = 0;
    for await (const { name } of Deno.readDir("/proc/self/fd")) {
      const address = new Uint8Array(ADDRESS_BYTES);
      const length = new Uint32Array([ADDRESS_BYTES]);
      if (libc.symbols.getpeername(Number(name), address, length) !== 0) continue;
      const [path = ""] = new TextDecoder().decode(address.subarray(PATH_OFFSET, length[0])).split("\0");
      if (paths.includes(path) && libc.symbols.shutdown(Number(name), SHUT_RDWR) === 0) dropped++;
    }
    return dropped;
  } finally {
    libc.close();
  }
}
