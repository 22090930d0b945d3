import type { Liveness } from "./oracle.ts";

/** QEMU did not answer in the time that it had for it. */
export class NoAnswerError extends Error {
  static {
    this.prototype.name = "NoAnswerError";
  }
  /** How it was then. */
  readonly liveness: Liveness;

  /**
   * @param name The guest's name.
   * @param tookMs How long it was waited for in all.
   * @param liveness How QEMU was at the end.
   */
  constructor(name: string, tookMs: number, liveness: Liveness) {
    const found = liveness.kind === "healthy" ? "QEMU answers other commands" : `QEMU is ${liveness.kind}`;
    super(`Gave up waiting for VM "${name}" after ${Math.round(tookMs)} ms: ${found}`);
    this.liveness = liveness;
  }
}
