import type { ByteTransport } from "../../qmp/mod.ts";
import type { SerialConsole } from "../../vm/mod.ts";

/**
 * A guest's console as a connection. Its reader goes on, so that what goes over it is in its transcript as well.
 *
 * @param console The console, which is not this one's to close.
 * @returns The connection: what the guest says from now on.
 */
export function consoleTransport(console: SerialConsole): ByteTransport {
  const output = console.output();
  let rest: Uint8Array = new Uint8Array();
  return {
    address: "the guest's console",
    async read(buffer) {
      while (rest.length === 0) {
        const { value, done } = await output.next();
        if (done) return null;
        rest = value;
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    write: (bytes) => console.write(bytes),
    close() {
      output[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}
