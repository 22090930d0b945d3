import { silentLogger } from "../../qmp/mod.ts";
import type { Verdict, Vm } from "../../vm/mod.ts";
import { EvidenceRecord } from "../evidence/record.ts";
import { makeRedactor } from "../evidence/redactor.ts";
import type { WrapOptions } from "./boot_options.ts";
import { EvidenceKeeper } from "./evidence_keeper.ts";
import type { GuestFailedError } from "./guest_failed_error.ts";
import type { GuestOfTest, GuestReport, TestOutcome } from "./guest_test_context.ts";
import { GuestWatch } from "./guest_watch.ts";
import { GuestEndedError } from "../run/errors.ts";
import { WaitGuard } from "./wait_guard.ts";

/** How long a last look at the guest may take before it is ended, in milliseconds. */
const LAST_LOOK_MS = 1_000;

/** What goes with a VM and ends with it. */
export interface GuestCompany {
  /** Waits until the console is quiet. */
  quiet(options: { forMs: number; withinMs: number }): Promise<void>;
  /** Told before evidence is collected, to add what it has. */
  beforeEvidence(): Promise<void>;
  /** Undoes what was done to the VM, before it is ended. */
  undo(): Promise<void>;
  /** Closes the rest, after that. */
  close(): Promise<void>;
}

/** Keeps one VM of a test: watches it, notes what happens to it, and sees to its end and its evidence. */
export class GuestKeeper implements GuestOfTest {
  readonly record: EvidenceRecord;
  readonly watch: GuestWatch;
  readonly guard: WaitGuard;
  readonly #vm: Vm;
  readonly #evidence: EvidenceKeeper;
  readonly #test: "a guestTest" | "any test";
  #company: GuestCompany | null = null;
  /** Aborted when the guest ends, and renewed. */
  #life = new AbortController();
  /** What follows a failure: evidence is collected, and QEMU ended, so that whoever waits for it is told as well. */
  #aftermath: Promise<void> | null = null;
  #outcome: TestOutcome | "unknown" = "unknown";
  #ending: Promise<GuestReport> | null = null;

  /**
   * @param vm The VM, which this owns from here on.
   * @param options What the test says about it.
   */
  constructor(vm: Vm, options: WrapOptions) {
    const { t, allowEnds = [], logger = silentLogger } = options;
    this.#vm = vm;
    this.#test = t === undefined ? "any test" : "a guestTest";
    this.record = options.record ?? new EvidenceRecord({ test: t?.name ?? "", redact: options.redact ?? [] });
    this.record.watch(vm);
    const redact = (text: string) => makeRedactor(this.record.redact)(text);
    this.#evidence = new EvidenceKeeper({
      vm,
      record: this.record,
      redact,
      wish: options.evidence ?? "on-failure",
      root: options.evidenceDir ?? null,
      before: async () => await this.#company?.beforeEvidence(),
      logger,
    });
    const evidence = () => this.#evidence.folder();
    this.watch = new GuestWatch({
      vm,
      allowed: allowEnds,
      transcript: () => vm.console?.transcript ?? "",
      quiet: async (options) => await this.#company?.quiet(options),
      redact,
      evidence,
      onFailure: (error) => this.#failed(error),
      onEnd: (verdict) => this.#ended(verdict),
    });
    this.guard = new WaitGuard({
      watch: this.watch,
      test: t?.signal ?? null,
      redact,
      evidence,
      onError: (error) => this.record.failed(error),
    });
  }

  /** Aborted when the guest ends, for what does not outlive that. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /**
   * Takes what goes with the VM.
   *
   * @param company What ends with it.
   */
  accompany(company: GuestCompany): void {
    this.#company = company;
  }

  async conclude(outcome: TestOutcome, thrown?: unknown): Promise<GuestReport> {
    if (this.#ending === null) this.#outcome = outcome;
    // The error of a call may be one that the test wanted; the guest's own failure says more than what came of it.
    if (thrown !== undefined && this.watch.failure === null) this.record.failed(thrown, "at last");
    const report = await this.#end();
    const keep = this.#evidence.wish === "always" || outcome === "failed" || report.failure !== null;
    if (keep) {
      await this.#evidence.renew();
      return report;
    }
    await this.#evidence.discard();
    return { ...report, evidence: null };
  }

  /**
   * Ends the VM.
   *
   * @throws {GuestFailedError} Once, a failure that nobody was told of, where there is nobody else to tell it.
   */
  async dispose(): Promise<void> {
    const first = this.#ending === null;
    const { failure } = await this.#end();
    if (!first || failure === null || this.#test === "a guestTest") return;
    // Where the test's body has thrown as well, Deno shows neither: only that an error was suppressed.
    Deno.stderr.writeSync(new TextEncoder().encode(`${failure.message}\n`));
    throw failure;
  }

  #failed(error: GuestFailedError): void {
    this.record.failed(error);
    this.#aftermath = this.#tidyUp();
  }

  async #tidyUp(): Promise<void> {
    await this.#evidence.collect();
    await this.#vm[Symbol.asyncDispose]();
  }

  #ended({ cause, process }: Verdict): void {
    // A disk that failed is no end for who does not need it.
    if (cause === "io-error" && process === "held") return;
    this.#life.abort(new GuestEndedError(`The guest of VM "${this.#vm.name}" ended (${cause})`));
    this.#life = new AbortController();
  }

  #end(): Promise<GuestReport> {
    this.#ending ??= this.#dispose();
    return this.#ending;
  }

  async #dispose(): Promise<GuestReport> {
    await this.#undo();
    await this.#lookOnceMore();
    await this.#aftermath;
    if (this.#needsEvidence) await this.#evidence.collect();
    await this.#vm[Symbol.asyncDispose]();
    await this.watch.over;
    await this.#aftermath;
    await this.guard.settled();
    await this.#company?.close();
    await this.record[Symbol.asyncDispose]();
    const { failure } = this.watch;
    const { told } = this.guard;
    return {
      vm: this.#vm.name,
      failure: told === "the failure" ? null : failure,
      evidence: this.#evidence.begun ? await this.#evidence.folder() : null,
    };
  }

  /** What can't be undone of a QEMU that is about to end anyway is no failure of the test. */
  async #undo(): Promise<void> {
    try {
      await this.#company?.undo();
    } catch (error) {
      this.record.note("A fault could not be undone", String(error));
    }
  }

  /** An end that has just come may not have been told of yet. */
  async #lookOnceMore(): Promise<void> {
    if (this.watch.failure !== null || this.watch.ended !== null) return;
    const look = () =>
      this.#vm.status({ timeoutMs: LAST_LOOK_MS }).then(({ running }) => running, () => true);
    // When QEMU has answered twice, the question that its stop has raised is answered as well.
    if (this.#vm.qmp.open && (await look() || await look()) && this.#vm.qmp.open) return;
    await this.watch.explain(!this.#vm.qmp.open);
  }

  get #needsEvidence(): boolean {
    const { wish } = this.#evidence;
    if (wish === "never") return false;
    if (wish === "always" || this.guard.told !== "nothing" || this.#outcome === "failed") return true;
    // Whether the test failed is not known yet, and QEMU can be asked only now.
    return this.#test === "a guestTest" && this.#outcome === "unknown";
  }
}
