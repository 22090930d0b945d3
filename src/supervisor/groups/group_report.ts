import type { PolicyAction } from "../policy_action.ts";
import type { Report } from "../report.ts";
import type { ExitStatus } from "../../vm/mod.ts";
import type { RestartPlan } from "./strategy.ts";

/**
 * Something that happened to a group: what its supervisor reports of its guests, and what the group does about it. The `actions` of an `ended`
 * are those of the group, which starts its guests itself.
 *
 * @example
 * ```ts
 * import { type GroupReport, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const guest = { config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } } as const;
 * const group = await openGroup(supervisor, { vms: { db: guest, web: { ...guest, dependsOn: ["db"] } } });
 * using reports = group.reports();
 * await group.start();
 * await group.close({ vms: "stop" });
 *
 * const all: GroupReport[] = await Array.fromAsync(reports);
 * const told = all.filter(({ kind }) => kind === "started" || kind === "ended");
 * assertEquals(told.map(({ vm, kind }) => `${vm} ${kind}`), ["db started", "web started", "web ended", "db ended"]);
 * ```
 */
export type GroupReport = Report | ({ at: Date; vm: string } & GroupReportBody);

/**
 * What a group has to say beyond its supervisor.
 *
 * @example
 * ```ts
 * import type { GroupReportBody } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const line = (body: GroupReportBody) => "helper" in body ? `${body.kind} ${body.helper}` : body.kind;
 * const body: GroupReportBody = { kind: "helper-failed", helper: "tpm", why: "It ended", actions: [{ kind: "start" }] };
 * assertEquals(line(body), "helper-failed tpm");
 * ```
 */
export type GroupReportBody =
  /** What others wait for is there: its QEMU runs, and its readiness probe passed. */
  | { kind: "member-ready" }
  /** It did not become ready in time. */
  | { kind: "member-not-ready"; why: string; actions: readonly PolicyAction[] }
  /** A helper runs and is ready; `log` has what it says on stderr. */
  | { kind: "helper-started"; helper: string; pid: number; log: string }
  /** A helper ended before its guest. `exit` is null where it can't be known. */
  | {
    kind: "helper-ended";
    helper: string;
    exit: ExitStatus | null;
    stderrTail: string;
    actions: readonly PolicyAction[];
  }
  /** A helper could not be started. */
  | { kind: "helper-failed"; helper: string; why: string; actions: readonly PolicyAction[] }
  /** More than this guest's QEMU has to be restarted: others, or its helpers. The first to be stopped stand first. */
  | { kind: "restart-planned"; because: RestartReason; plan: RestartPlan }
  /** It is given up, as when its limit is reached; those that would be restarted with it are stopped with it. */
  | { kind: "member-failed"; why: string; with: readonly string[] };

/**
 * Why a member is restarted.
 *
 * @example
 * ```ts
 * import type { RestartReason } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const inWords: Record<RestartReason, string> = {
 *   "asked": "somebody asked for it",
 *   "ended": "it ended",
 *   "helper": "a helper ended",
 *   "not-ready": "it did not become ready",
 *   "reset": "it was reset in place",
 *   "stuck": "it did not answer",
 * };
 * assertEquals(Object.keys(inWords).length, 6);
 * ```
 */
export type RestartReason = "asked" | "ended" | "helper" | "not-ready" | "reset" | "stuck";
