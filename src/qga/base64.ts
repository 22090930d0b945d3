import { QgaProtocolError } from "./errors.ts";

/**
 * Decodes what the guest says is base64.
 *
 * @param command The command that returned it, for the message.
 * @param text The text.
 * @returns Its bytes.
 * @throws {QgaProtocolError} When it is none.
 */
export function fromBase64(command: string, text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new QgaProtocolError(command, "its data is no base64", { cause });
  }
}

/**
 * The bytes of what may be text.
 *
 * @param data Bytes, or text.
 * @returns Bytes; of text those of UTF-8.
 */
export function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
