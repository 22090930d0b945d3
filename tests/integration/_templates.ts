import {
  type SnapshotFixture,
  snapshotFixture,
  type SnapshotOptions,
  type SnapshotStep,
} from "../../src/testing/mod.ts";
import type { VmConfig } from "../../mod.ts";
import { ask, prepareGuest, snapshotGuest } from "./_snapshot_guest.ts";
import { VmHost } from "./_vm_host.ts";

/** A place for templates, which nothing may be left of, and the steps that were told of. */
export class Templates implements AsyncDisposable {
  readonly host: VmHost;
  readonly dir: string;
  readonly ramDir: string;
  readonly steps: SnapshotStep[] = [];

  private constructor(host: VmHost) {
    this.host = host;
    this.dir = `${host.dir}/store`;
    this.ramDir = `${host.dir}/ram`;
  }

  static async make(): Promise<Templates> {
    const templates = new Templates(await VmHost.make());
    await Deno.mkdir(templates.ramDir);
    return templates;
  }

  options(more: SnapshotOptions = {}): SnapshotOptions {
    const onProgress = ({ step }: { step: SnapshotStep }) => void this.steps.push(step);
    return { dir: this.dir, ramDir: this.ramDir, onProgress, ...more };
  }

  async fixture(config: VmConfig = {}, options: SnapshotOptions = {}): Promise<SnapshotFixture> {
    return snapshotFixture(await snapshotGuest(this.host.dir, config), prepareGuest, this.options(options));
  }

  /** How many templates were made so far. */
  get made(): number {
    return this.steps.filter((step) => step === "committed").length;
  }

  /** The names of the templates, of their folders, and of the files with their memory. */
  async names(): Promise<{ manifests: string[]; folders: string[]; memories: string[] }> {
    const entries = await Array.fromAsync(Deno.readDir(this.dir));
    const memories: string[] = [];
    for await (const { name } of Deno.readDir(this.ramDir)) {
      for await (const file of Deno.readDir(`${this.ramDir}/${name}`)) {
        if (file.name.endsWith(".ram")) memories.push(file.name);
      }
    }
    return {
      manifests: entries.filter(({ name }) => /^[0-9a-f]{32}\.json$/.test(name)).map(({ name }) => name),
      folders: entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name),
      memories,
    };
  }

  async counts(): Promise<[manifests: number, folders: number, memories: number]> {
    const { manifests, folders, memories } = await this.names();
    return [manifests.length, folders.length, memories.length];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}

/** Clones, has the clone tell what it finds, and ends it. */
export async function look(fixture: SnapshotFixture): Promise<string> {
  await using vm = await fixture.clone({ evidence: "never" });
  return await ask(vm, "+") + await ask(vm, "r");
}
