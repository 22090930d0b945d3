import type { ByteTransport } from "./transport.ts";

/**
 * Told each piece of what goes over a connection, as it goes. The bytes are only lent: they change after the call, so copy what is to be
 * kept. It is called in the middle of reading and writing, so it must be quick; one that throws is not called again.
 *
 * @param direction Whose words: `sent` by this side, or `received` from QEMU.
 * @param bytes A piece, which may begin and end in the middle of a message.
 */
export type WireTap = (direction: "sent" | "received", bytes: Uint8Array) => void;

/**
 * A transport that tells a tap what goes over it. Nothing is in the way of one that has no tap: it is used as it is.
 *
 * @param transport The connection.
 * @param tap Told all of it; `undefined` for nobody.
 * @param onError Told once what the tap threw.
 * @returns The transport to use.
 */
export function tapped(
  transport: ByteTransport,
  tap: WireTap | undefined,
  onError: (error: unknown) => void,
): ByteTransport {
  if (tap === undefined) return transport;
  let listener: WireTap | null = tap;
  const tell: WireTap = (direction, bytes) => {
    try {
      listener?.(direction, bytes);
    } catch (error) {
      listener = null;
      onError(error);
    }
  };
  return {
    address: transport.address,
    async read(buffer) {
      const count = await transport.read(buffer);
      if (count !== null) tell("received", buffer.subarray(0, count));
      return count;
    },
    write(bytes) {
      tell("sent", bytes);
      return transport.write(bytes);
    },
    close: () => transport.close(),
  };
}
