import { EventStream } from "../../qmp/mod.ts";
import type { GroupReport } from "./group_report.ts";

/** Gives each report to everybody who listens. */
export class ReportHub {
  readonly #streams = new Set<EventStream<GroupReport>>();
  /** What happened before anybody could listen; null afterwards. */
  #early: GroupReport[] | null = [];
  #state: "open" | "ended" = "open";

  /** Tells all of them. */
  tell(report: GroupReport): void {
    this.#early?.push(report);
    for (const stream of this.#streams) stream.push(report);
  }

  /** A stream of what is told from now on; the first one begins with what was told before. */
  listen(): EventStream<GroupReport> {
    const stream: EventStream<GroupReport> = new EventStream<GroupReport>({
      onDispose: () => this.#streams.delete(stream),
    });
    for (const report of this.#early ?? []) stream.push(report);
    this.#early = null;
    if (this.#state === "ended") stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Nothing more will be told. */
  end(): void {
    this.#state = "ended";
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }
}
