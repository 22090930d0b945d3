import type { VmConfig } from "../../machine/mod.ts";
import { type OwnFiles, writtenFiles } from "./template_config.ts";

/** The files of a template: where they are while it is made, and as long as it is kept. */
export class TemplateFiles implements OwnFiles {
  readonly #dir: string;

  /** @param dir The template's folder. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The state of the machine. */
  get state(): string {
    return `${this.#dir}/state`;
  }

  get vars(): string {
    return `${this.#dir}/vars.fd`;
  }

  disk(index: number): string {
    return `${this.#dir}/disk${index}.qcow2`;
  }

  /** An empty layer over a disk: each clone gets a copy of it. */
  blank(index: number): string {
    return `${this.#dir}/blank${index}.qcow2`;
  }

  /**
   * All of them that a config has, but for the state.
   *
   * @param config The config.
   * @returns Their paths.
   */
  all(config: VmConfig): string[] {
    const { drives, vars } = writtenFiles(config);
    const disks = drives.flatMap((index) => [this.disk(index), this.blank(index)]);
    return vars === null ? disks : [...disks, this.vars];
  }
}

/** The files of one clone. */
export class CloneFiles implements OwnFiles {
  readonly #dir: string;

  /** @param dir The clone's folder. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  get vars(): string {
    return `${this.#dir}/vars.fd`;
  }

  disk(index: number): string {
    return `${this.#dir}/disk${index}.qcow2`;
  }
}

/** A file of a clone, and what it begins as. */
export interface CloneCopy {
  readonly of: string;
  readonly to: string;
}

/**
 * What a clone's own files begin as.
 *
 * @param config The config.
 * @param template The template's files.
 * @param clone Where the clone's are to be.
 * @returns What is to be copied.
 */
export function copiesForClone(config: VmConfig, template: TemplateFiles, clone: CloneFiles): CloneCopy[] {
  const { drives, vars } = writtenFiles(config);
  const disks = drives.map((index) => ({ of: template.blank(index), to: clone.disk(index) }));
  return vars === null ? disks : [...disks, { of: template.vars, to: clone.vars }];
}

/**
 * Gives a clone its own files.
 *
 * @param copies What they begin as.
 */
export async function copyForClone(copies: readonly CloneCopy[]): Promise<void> {
  for (const { of, to } of copies) {
    await Deno.copyFile(of, to);
    await Deno.chmod(to, 0o600);
  }
}
