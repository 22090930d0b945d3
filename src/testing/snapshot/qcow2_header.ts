/** `QFI` and 0xfb, with which every qcow2 image begins. */
const MAGIC = 0x514649fb;
/** The header extension that names the format of the backing file. */
const BACKING_FORMAT = 0xe2792aca;
/** The incompatible feature of an image whose data is in another file. */
const EXTERNAL_DATA = 0x4;

/** How much of an image's begin has all that is read here: QEMU has its header fit into the first cluster, of which the smallest kind has 512 bytes. */
export const HEADER_BYTES = 4096;

/** What an image says of the files that it rests on. */
export type ImageHeader =
  /** It is no qcow2, or rests on nothing. */
  | { readonly kind: "alone" }
  /** It is a layer over another image; `format` is null where it does not say what that is. */
  | { readonly kind: "layer"; readonly backing: string; readonly format: string | null }
  /** It rests on something that is not looked into, for this reason. */
  | { readonly kind: "unknown"; readonly why: string };

/**
 * Reads the header of a qcow2 image.
 *
 * @param begin The first {@linkcode HEADER_BYTES} of the file, or all of it where it is smaller.
 * @returns What it rests on.
 */
export function readQcow2Header(begin: Uint8Array): ImageHeader {
  const view = new DataView(begin.buffer, begin.byteOffset, begin.byteLength);
  if (begin.length < 72 || view.getUint32(0) !== MAGIC) return { kind: "alone" };
  const version = view.getUint32(4);
  if (version >= 3 && begin.length >= 80 && (view.getUint32(76) & EXTERNAL_DATA) !== 0) {
    return { kind: "unknown", why: "its data is in another file" };
  }
  const offset = Number(view.getBigUint64(8));
  const length = view.getUint32(16);
  if (offset === 0 || length === 0) return { kind: "alone" };
  if (offset + length > begin.length) return { kind: "unknown", why: "its header is not understood" };
  const backing = new TextDecoder().decode(begin.subarray(offset, offset + length));
  if (/^[^/]*:/.test(backing)) return { kind: "unknown", why: `its backing file is ${backing}` };
  return {
    kind: "layer",
    backing,
    format: backingFormat(view, version >= 3 && begin.length >= 104 ? view.getUint32(100) : 72),
  };
}

function backingFormat(view: DataView, from: number): string | null {
  for (let at = from; at + 8 <= view.byteLength;) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === 0 || at + 8 + length > view.byteLength) return null;
    if (type === BACKING_FORMAT) {
      return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 8, length));
    }
    // Each extension is padded to 8 bytes.
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return null;
}
