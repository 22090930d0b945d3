import type { DumpFormat } from "../vm/mod.ts";

/**
 * What to do about an end, in one word: `restart` as a new process; `reset` in place, or `resume` the CPUs where they were held, where QEMU
 * still holds the guest (else, and where QEMU refuses, as `restart`); `preserve` everything as it is, for a person to look at; `stop`, that
 * is clear QEMU away and leave the guest stopped.
 *
 * @example
 * ```ts
 * import { type ActionWord, wordOf } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const plain: ActionWord = wordOf("preserve");
 * const afterDump: ActionWord = wordOf({ dump: {}, then: "reset" });
 * assertEquals([plain, afterDump], ["preserve", "reset"]);
 * ```
 */
export type ActionWord = "restart" | "reset" | "resume" | "preserve" | "stop";

/**
 * How a guest's memory is dumped.
 *
 * @example
 * ```ts
 * import { type DumpOptions, policyOf } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const dump: DumpOptions = { dir: "/var/crash", format: "kdump-zlib", keep: 1 };
 * const { onCause } = policyOf({ onCause: { "guest-panic": { dump, then: "restart" } } });
 * assertEquals(onCause["guest-panic"], { dump, then: "restart" });
 * ```
 */
export interface DumpOptions {
  /** The directory, made if it is missing. QEMU itself writes there. Default: `dumps` in the `stateDir`, else in the `runtimeDir`, else in the current directory. */
  dir?: string;
  /** Default `elf`. The `kdump` ones, where QEMU was built with them, are much smaller and quicker: the guest is away for as long as it takes. */
  format?: DumpFormat;
  /** How many dumps of this guest are kept there, the newest ones. Default 3: each is as large as the guest's memory. */
  keep?: number;
}

/**
 * Dumps the guest's memory while QEMU holds it, then goes on, whether that worked or not. Where there is no guest to dump, because
 * QEMU is gone or does not answer, it just goes on.
 *
 * @example
 * ```ts
 * import { actionFor, type DumpAction } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const dumpFirst: DumpAction = { dump: {}, then: "restart" };
 * const policy = { restart: "no", onCause: { "guest-panic": dumpFirst } } as const;
 * assertEquals(actionFor(policy, { cause: "guest-panic", tripleFault: null }), dumpFirst);
 * ```
 */
export interface DumpAction {
  /** How. */
  dump: DumpOptions;
  /** What follows. */
  then: ActionWord;
}

/**
 * What to do about an end: a word, or a dump before it.
 *
 * @example
 * ```ts
 * import { type Action, actionFor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const full = { cause: "io-error", tripleFault: null } as const;
 * const usual: Action = actionFor({ restart: "always", onCause: {} }, full);
 * const named: Action = actionFor({ restart: "always", onCause: { "io-error": "resume" } }, full);
 * assertEquals([usual, named], ["preserve", "resume"]);
 * ```
 */
export type Action = ActionWord | DumpAction;

/**
 * What an action comes to where nothing can be dumped.
 *
 * @param action The action.
 * @returns Its word.
 *
 * @example
 * ```ts
 * import { wordOf } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wordOf({ dump: { keep: 1 }, then: "preserve" }), "preserve");
 * ```
 */
export function wordOf(action: Action): ActionWord {
  return typeof action === "string" ? action : action.then;
}
