import { type Attributes, metrics, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import { CAUSE_CLASSES } from "./cause_table.ts";
import type { Report } from "./report.ts";

/** The name under which everything here is measured. */
const SCOPE = "qeeper";

/**
 * Turns reports into metrics and spans, by way of OpenTelemetry's API: who exports them, and where to, is the program's business (Deno does it
 * itself with `OTEL_DENO=true`). Where nobody does, all of this does nothing.
 *
 * Metrics: `qeeper.vm.ends` (by `qeeper.vm`, `qeeper.cause`), `qeeper.vm.starts` and `qeeper.vm.actions` (by `qeeper.vm`, `qeeper.action`) count;
 * `qeeper.vm.up` goes up and down with the guests; `qeeper.vm.run` is a histogram of how long QEMUs ran, in seconds. A span `qeeper.vm.run` is
 * one QEMU, from when it was ready or taken over to its end; guest events are events on it.
 */
export class Telemetry implements Disposable {
  readonly #meter = metrics.getMeter(SCOPE);
  readonly #tracer = trace.getTracer(SCOPE);
  readonly #ends = this.#meter.createCounter("qeeper.vm.ends", {
    description: "Ends of guests and of their QEMUs, by cause",
  });
  readonly #starts = this.#meter.createCounter("qeeper.vm.starts", {
    description: "QEMUs that became ready or were taken over",
  });
  readonly #actions = this.#meter.createCounter("qeeper.vm.actions", {
    description: "What policies decided",
  });
  readonly #up = this.#meter.createUpDownCounter("qeeper.vm.up", { description: "Guests that have a QEMU" });
  readonly #run = this.#meter.createHistogram("qeeper.vm.run", {
    description: "How long QEMUs ran",
    unit: "s",
  });
  readonly #lives = new Map<string, { span: Span; since: Date }>();

  /**
   * Notes a report.
   *
   * @param report Each report of the supervisor, once and in order.
   */
  note(report: Report): void {
    const { at, vm } = report;
    const attributes: Attributes = { "qeeper.vm": vm };
    if ("actions" in report) {
      for (const { kind } of report.actions) this.#actions.add(1, { ...attributes, "qeeper.action": kind });
    }
    switch (report.kind) {
      case "started":
      case "adopted":
        return this.#begin(vm, at, { ...attributes, "process.pid": report.pid ?? -1 });
      case "guest-ended":
        this.#ends.add(1, { ...attributes, "qeeper.cause": report.verdict.cause });
        this.#lives.get(vm)?.span.addEvent("guest-ended", { "qeeper.cause": report.verdict.cause }, at);
        return;
      case "ended":
        this.#ends.add(1, { ...attributes, "qeeper.cause": report.verdict.cause });
        return this.#end(report);
      case "event":
        this.#lives.get(vm)?.span.addEvent(report.event.event, {}, at);
        return;
    }
  }

  /** Ends what is under way: nobody will see its end. */
  [Symbol.dispose](): void {
    for (const [vm, { span }] of this.#lives) {
      this.#up.add(-1, { "qeeper.vm": vm });
      span.end();
    }
    this.#lives.clear();
  }

  #begin(vm: string, since: Date, attributes: Attributes): void {
    if (this.#lives.has(vm)) return;
    this.#starts.add(1, { "qeeper.vm": vm });
    this.#up.add(1, { "qeeper.vm": vm });
    this.#lives.set(vm, {
      span: this.#tracer.startSpan("qeeper.vm.run", { attributes, startTime: since }),
      since,
    });
  }

  #end({ vm, at, verdict }: Extract<Report, { kind: "ended" }>): void {
    const life = this.#lives.get(vm);
    // It never was ready.
    if (life === undefined) return;
    this.#lives.delete(vm);
    this.#up.add(-1, { "qeeper.vm": vm });
    this.#run.record((at.getTime() - life.since.getTime()) / 1000, {
      "qeeper.vm": vm,
      "qeeper.cause": verdict.cause,
    });
    life.span.setAttribute("qeeper.cause", verdict.cause);
    if (CAUSE_CLASSES[verdict.cause] !== "success") {
      life.span.setStatus({ code: SpanStatusCode.ERROR, message: verdict.detail });
    }
    life.span.end(at);
  }
}
