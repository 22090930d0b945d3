import type { Verdict } from "../vm/mod.ts";

/** What a guest does, by `query-status`: at its end, not begun yet (or reset), or anything else. */
export type GuestNow = "running" | "held" | "prelaunch";

/** What happened. Each one is decided about once, and has one report. */
export type Incident =
  | { kind: "start-asked" }
  | { kind: "stop-asked" }
  | { kind: "restart-asked" }
  /** Earlier restarts are to be forgotten, and a failure with them. */
  | { kind: "clear-asked" }
  /** QEMU is ready and the guest runs. */
  | { kind: "started" }
  /** The guest's CPUs run again, whoever did it. */
  | { kind: "resumed" }
  /** The guest ended, and QEMU is still there. */
  | { kind: "guest-ended"; verdict: Verdict }
  /** QEMU is gone, or never came to be. */
  | { kind: "ended"; verdict: Verdict }
  /** The wait is over that was begun last. */
  | { kind: "wait-over" }
  /** QEMU is there, but does not do what it was told. */
  | { kind: "action-failed" }
  /** The guest's memory is in a file. */
  | { kind: "dumped" }
  | { kind: "dump-failed" }
  /** QEMU is there and has not answered for as long as the policy has it (`onStuck`). */
  | { kind: "stuck" }
  /** It answers again; what the guest does is `query-status`'s word. */
  | { kind: "unstuck"; guest: GuestNow }
  /** Every monitor is lost, and the process lives. */
  | { kind: "unreachable" }
  /** A monitor is back; what the guest does is `query-status`'s word. An end that was missed comes after this, as `guest-ended`. */
  | { kind: "reachable"; guest: GuestNow };
