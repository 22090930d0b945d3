import type { Verdict } from "../../vm/mod.ts";
import type { FailureName } from "../console/failures.ts";
import { failureMessage, type GuestFailure } from "./failure_message.ts";

/**
 * The guest failed while a test ran: it panicked, reset or powered itself off, its console told of it, or QEMU died; and nobody had said
 * that this was wanted. Every wait of the kit rejects with it at once.
 *
 * @example
 * ```ts
 * import { bootVm, GuestFailedError, rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * await using vm = await bootVm({ accel: "tcg", firmware: { bios } }, { evidence: "never" });
 * await vm.console.expect("READY");
 * await vm.console.write("X"); // this guest panics at an X
 * const error = await assertRejects(() => vm.console.expect("login:"), GuestFailedError, "guest panicked");
 * assertEquals(error.verdict?.cause, "guest-panic");
 * await Deno.remove(bios);
 * ```
 */
export class GuestFailedError extends Error {
  override readonly name = "GuestFailedError";
  /** Why the guest, or QEMU, ended; null where only the console told of a failure. */
  readonly verdict: Verdict | null;
  /** The failure that the console told of; null where it told of none. */
  readonly classifier: FailureName | null;
  /** The folder with everything that is known of the failure; null where none is kept. It is complete when the VM is disposed of. */
  readonly evidence: string | null;
  readonly #failure: GuestFailure;

  /**
   * @param failure What is known, without secrets.
   * @param evidence The folder with the evidence; null for none.
   * @param options `cause`, if there is one.
   */
  constructor(failure: GuestFailure, evidence: string | null, options?: ErrorOptions) {
    const message = failureMessage(failure);
    super(evidence === null ? message : `${message}\n  evidence: ${evidence}`, options);
    this.verdict = failure.verdict;
    this.classifier = failure.classifier;
    this.evidence = evidence;
    this.#failure = failure;
  }

  /**
   * The same failure, told to one more who waited: with a stack of its own.
   *
   * @param cause What that wait ended with.
   * @returns The error.
   */
  again(cause: unknown): GuestFailedError {
    return new GuestFailedError(this.#failure, this.evidence, cause === undefined ? undefined : { cause });
  }
}
