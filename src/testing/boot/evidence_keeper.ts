import type { Logger } from "../../qmp/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import { type GatheredEvidence, gatherEvidence } from "../evidence/collect.ts";
import { makeEvidenceFolder } from "../evidence/folder.ts";
import type { EvidenceRecord } from "../evidence/record.ts";

/**
 * When a folder with evidence is left: when the test failed, or one of its calls to the VM did; always; or never.
 *
 * @example
 * ```ts
 * import { bootVm, type EvidenceWish } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const evidence: EvidenceWish = "never";
 * await using vm = await bootVm({ accel: "tcg" }, { evidence });
 * const error = await assertRejects(() => vm.console.expect("login:", { timeoutMs: 10 }), Error);
 * assertEquals(error.message.includes("evidence:"), false);
 * ```
 */
export type EvidenceWish = "on-failure" | "always" | "never";

/** What evidence is collected from, and where to. */
export interface EvidenceKeeperParts {
  vm: Vm;
  record: EvidenceRecord;
  /** Takes secrets out of a text. */
  redact(text: string): string;
  wish: EvidenceWish;
  /** The folder in which the VM's own is made; null for the usual one. */
  root: string | null;
  /** Adds what is to be in it, before it is collected. */
  before(): Promise<void>;
  logger: Logger;
}

/** One VM's evidence: its folder is named as soon as there is a failure, filled while QEMU lives, and removed where it is not needed. */
export class EvidenceKeeper {
  readonly #parts: EvidenceKeeperParts;
  #folder: Promise<string | null> | null = null;
  #collecting: Promise<GatheredEvidence | null> | null = null;

  /** @param parts What, and where to. */
  constructor(parts: EvidenceKeeperParts) {
    this.#parts = parts;
  }

  /** When a folder is left. */
  get wish(): EvidenceWish {
    return this.#parts.wish;
  }

  /** Whether the folder is made. */
  get begun(): boolean {
    return this.#folder !== null;
  }

  /**
   * Makes the folder, once.
   *
   * @returns Its path; null where none is wanted or none can be made. Never rejects.
   */
  folder(): Promise<string | null> {
    this.#folder ??= this.#make();
    return this.#folder;
  }

  /** Fills the folder, once. Never rejects: it must not hide why the test failed. */
  async collect(): Promise<void> {
    this.#collecting ??= this.#collect();
    await this.#collecting;
  }

  /** Has the page say what the test failed with, where that was not known yet when it was written. Never rejects. */
  async renew(): Promise<void> {
    const gathered = await this.#collecting;
    await gathered?.renewPage().catch((error) => this.#complain("finish", error));
  }

  /** Removes what was made. */
  async discard(): Promise<void> {
    if (this.#folder === null) return;
    await this.#collecting;
    const path = await this.#folder;
    if (path === null) return;
    await Deno.remove(path, { recursive: true }).catch((error) => this.#complain("remove", error));
    // The folder of them all goes with the last one, if it was made for them.
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (this.#parts.root === null && parent.endsWith("/test-evidence")) {
      await Deno.remove(parent).catch(() => {});
    }
  }

  async #make(): Promise<string | null> {
    const { vm, record, redact, wish, root } = this.#parts;
    if (wish === "never") return null;
    try {
      return await makeEvidenceFolder(root, [redact(record.test), redact(vm.name)], record.now);
    } catch (error) {
      this.#complain("make", error);
      return null;
    }
  }

  async #collect(): Promise<GatheredEvidence | null> {
    const { vm, record, root, logger } = this.#parts;
    const path = await this.folder();
    if (path === null) return null;
    await this.#parts.before().catch((error) =>
      record.note("Some of the evidence is missing", String(error))
    );
    return await gatherEvidence(vm, record, root, { folder: path, logger });
  }

  #complain(attempt: string, error: unknown): void {
    this.#parts.logger.error(`Could not ${attempt} the folder with a test's evidence`, {
      vm: this.#parts.vm.name,
      error,
    });
  }
}
