import { allocatedBytes } from "./file_identity.ts";
import { HEADER_BYTES, readQcow2Header } from "./qcow2_header.ts";

/** An image, with all that it is a layer over. */
export interface ImageChain {
  /** The files, the image itself first. */
  readonly files: readonly string[];
  /** What they take on their disks together. */
  readonly bytes: number;
}

/** More layers than anybody has: the images are layers over each other. */
const MAX_LAYERS = 200;

/**
 * Finds the files that an image rests on.
 *
 * @param image The image, an absolute path.
 * @param format Its format, as QEMU is told.
 * @returns Its files; or, in words, why they can't be told.
 */
export async function imageChain(image: string, format: string): Promise<ImageChain | { why: string }> {
  const files: string[] = [];
  let bytes = 0;
  let next: { file: string; format: string | null } | null = { file: image, format };
  while (next !== null) {
    if (files.length === MAX_LAYERS) return { why: `${image} has more than ${MAX_LAYERS} layers` };
    const { file, format: told }: { file: string; format: string | null } = next;
    files.push(file);
    bytes += allocatedBytes(await Deno.stat(file));
    next = null;
    if (told !== "qcow2" && told !== null) continue;
    const header = readQcow2Header(await beginOf(file));
    if (header.kind === "unknown") return { why: `${file} can't be kept with a template: ${header.why}` };
    if (header.kind === "layer") {
      next = { file: inDirOf(file, header.backing), format: header.format };
    }
  }
  return { files, bytes };
}

/** A relative backing file is where the image is. */
function inDirOf(file: string, backing: string): string {
  return backing.startsWith("/") ? backing : `${file.slice(0, file.lastIndexOf("/"))}/${backing}`;
}

async function beginOf(file: string): Promise<Uint8Array> {
  using opened = await Deno.open(file);
  const buffer = new Uint8Array(HEADER_BYTES);
  let count = 0;
  for (;;) {
    const read = await opened.read(buffer.subarray(count));
    if (read === null || read === 0) return buffer.subarray(0, count);
    count += read;
  }
}
