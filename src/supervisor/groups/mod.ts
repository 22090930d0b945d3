/**
 * Guests that belong together: started in the order of their dependencies, stopped in reverse, restarted together as a strategy has it, with
 * the processes around them (swtpm, virtiofsd, passt) that share their fate.
 *
 * Design: a layer above the supervisor. Each guest is the supervisor's, but its spec is changed so that it never asks for a new process by
 * itself (`member_policy.ts`): the group decides about that, since others may have to be stopped before, and helpers to be started. Limits
 * and waits are the guest's own and are counted once. What is to become of each member (`group_mind.ts`) is apart from what can be begun now,
 * which is a pure function over all of them (`next_steps.ts`): there are no plans that could be out of date.
 *
 * What this does not do: know of a helper that was started in the instant in which its supervisor died. It is in the next one's way, and
 * reported by its socket.
 *
 * @module
 */
export type { GroupConfig, GroupMember, HelperConfig } from "./group.ts";
export { GroupError } from "./vm_group.ts";
export type { GroupReport, GroupReportBody, RestartReason } from "./group_report.ts";
export type { MemberPhase } from "./next_steps.ts";
export type { RestartPlan, Strategy } from "./strategy.ts";
export { type GroupOptions, type MemberStatus, openGroup, type VmGroup } from "./vm_group.ts";
