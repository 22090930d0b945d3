import { type FileIdentity, identityText } from "./file_identity.ts";
import { TEMPLATE_FORMAT } from "./template_key.ts";

/** A file of a template, to be recognised by. */
export interface KeptFile extends FileIdentity {
  readonly path: string;
}

/** Where a template's state is, and how a clone gets at the memory. */
export type KeptMemory =
  /** Clones map a file. */
  | { readonly way: "memory"; readonly ram: KeptFile }
  /** It is in the state's file, which clones read by themselves (`file:`) or are given (`unix:`). */
  | { readonly way: "stream"; readonly why: string; readonly read: "file" | "unix" };

/** A template that can be used. */
export interface TemplateManifest {
  readonly kind: "template";
  readonly key: string;
  /** Its folder's name in the store. */
  readonly dir: string;
  readonly madeAt: string;
  /** The QEMU that made it, in its own words. */
  readonly qemu: string;
  readonly memory: KeptMemory;
  readonly state: KeptFile;
  readonly stateDigest: string;
  /** The disks as they were at the end, and what else was written to. */
  readonly files: readonly KeptFile[];
  /** What all of it takes, in memory and on disk. */
  readonly bytes: number;
}

/** The knowledge that no template can be made, in QEMU's own words. */
export interface RefusalManifest {
  readonly kind: "refusal";
  readonly key: string;
  readonly madeAt: string;
  readonly why: string;
}

/** What a store knows of a key. */
export type Manifest = TemplateManifest | RefusalManifest;

/**
 * Writes a manifest as text.
 *
 * @param manifest The manifest.
 * @param digest The digest of what it is given.
 * @returns The text.
 */
export async function encodeManifest(
  manifest: Manifest,
  digest: (text: string) => Promise<string>,
): Promise<string> {
  const body = JSON.stringify(manifest);
  return JSON.stringify({ format: TEMPLATE_FORMAT, checksum: await digest(body), body });
}

/**
 * Reads a manifest.
 *
 * @param text What was found.
 * @param key The key that it has to be for.
 * @param digest The digest of what it is given.
 * @returns The manifest; null for what is torn, foreign, or of another Qeeper.
 */
export async function decodeManifest(
  text: string,
  key: string,
  digest: (text: string) => Promise<string>,
): Promise<Manifest | null> {
  let outer: unknown;
  try {
    outer = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof outer !== "object" || outer === null) return null;
  const { format, checksum, body } = outer as Record<string, unknown>;
  if (format !== TEMPLATE_FORMAT || typeof body !== "string" || checksum !== await digest(body)) return null;
  // What has the right checksum was written by this same format's code.
  const manifest = JSON.parse(body) as Manifest;
  return manifest.key === key ? manifest : null;
}

/**
 * The files that a template consists of.
 *
 * @param manifest The template.
 * @returns All of them.
 */
export function keptFiles({ memory, state, files }: TemplateManifest): readonly KeptFile[] {
  return [state, ...files, ...(memory.way === "memory" ? [memory.ram] : [])];
}

/**
 * Whether a file is still the one that was kept.
 *
 * @param kept What was kept.
 * @param found What is there now.
 * @returns True if nobody has touched it.
 */
export function isKept(kept: KeptFile, found: FileIdentity): boolean {
  return identityText(kept) === identityText(found);
}
