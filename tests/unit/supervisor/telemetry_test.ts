import { assertEquals } from "@std/assert";
import { metrics, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Report } from "../../../src/supervisor/report.ts";
import { Telemetry } from "../../../src/supervisor/telemetry.ts";
import { judgeLaunch } from "../../../src/vm/verdict.ts";

/** Has OpenTelemetry's API hand everything to a list. */
function listen(): { said: string[]; [Symbol.dispose](): void } {
  const said: string[] = [];
  const instrument = (name: string) => ({
    add: (value: number, attributes: object) => said.push(`${name} ${value} ${JSON.stringify(attributes)}`),
    record: (value: number, attributes: object) =>
      said.push(`${name} ${value} ${JSON.stringify(attributes)}`),
  });
  // Only what is used is there: anything else is an error.
  const meter = { createCounter: instrument, createUpDownCounter: instrument, createHistogram: instrument };
  metrics.setGlobalMeterProvider({ getMeter: () => meter } as never);
  const span = {
    addEvent: (name: string) => said.push(`span event ${name}`),
    setAttribute: (key: string, value: unknown) => said.push(`span ${key} ${value}`),
    setStatus: ({ code }: { code: SpanStatusCode }) => said.push(`span status ${SpanStatusCode[code]}`),
    end: () => said.push("span end"),
  } as unknown as Span;
  const tracer = { startSpan: (name: string) => (said.push(`span ${name}`), span) };
  trace.setGlobalTracerProvider({ getTracer: () => tracer } as never);
  return {
    said,
    [Symbol.dispose]() {
      metrics.disable();
      trace.disable();
    },
  };
}

function reportsOfALife(): Report[] {
  const verdict = judgeLaunch({
    at: new Date(3_000),
    detail: "It was torn away",
    exit: { code: 137, signal: "SIGKILL" },
    stderrTail: "",
    intent: "none",
  });
  return [
    { at: new Date(1_000), vm: "web", kind: "started", pid: 7, argv: [], actions: [] },
    { at: new Date(3_000), vm: "web", kind: "ended", verdict, actions: [{ kind: "start" }] },
  ];
}

Deno.test("Telemetry makes a span and metrics of a QEMU's life", () => {
  using listening = listen();
  using telemetry = new Telemetry();
  for (const report of reportsOfALife()) telemetry.note(report);
  assertEquals(listening.said, [
    'qeeper.vm.starts 1 {"qeeper.vm":"web"}',
    'qeeper.vm.up 1 {"qeeper.vm":"web"}',
    "span qeeper.vm.run",
    'qeeper.vm.actions 1 {"qeeper.vm":"web","qeeper.action":"start"}',
    'qeeper.vm.ends 1 {"qeeper.vm":"web","qeeper.cause":"killed"}',
    'qeeper.vm.up -1 {"qeeper.vm":"web"}',
    'qeeper.vm.run 2 {"qeeper.vm":"web","qeeper.cause":"killed"}',
    "span qeeper.cause killed",
    "span status ERROR",
    "span end",
  ]);
});

Deno.test("Telemetry ends the spans that are open when its supervisor ends, and counts no guest twice", () => {
  using listening = listen();
  const [started] = reportsOfALife();
  {
    using telemetry = new Telemetry();
    if (started) telemetry.note(started);
    if (started) telemetry.note(started);
  }
  assertEquals(listening.said.filter((line) => line.startsWith("qeeper.vm.up")), [
    'qeeper.vm.up 1 {"qeeper.vm":"web"}',
    'qeeper.vm.up -1 {"qeeper.vm":"web"}',
  ]);
  assertEquals(listening.said.at(-1), "span end");
});
