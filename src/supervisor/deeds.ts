import type { Logger } from "../qmp/mod.ts";
import type { StopOptions, Vm } from "../vm/mod.ts";
import type { DumpOptions } from "./action.ts";
import { dumpToFile, type DumpWatch, followDumpToFile, removePartialDumps } from "./dump_files.ts";
import type { GuestProcess } from "./guest_process.ts";
import type { Incident } from "./incident.ts";
import type { PolicyAction } from "./policy_action.ts";
import type { Phase } from "./policy_state.ts";
import type { ReportBody } from "./report.ts";
import type { Tasks } from "./tasks.ts";

/** What is reported of an incident, once it is decided what follows. */
export type ReportOf = (actions: readonly PolicyAction[]) => ReportBody;

/** What deeds need from the keeper of their guest. */
export interface DeedsHost {
  name: string;
  process: GuestProcess;
  tasks: Tasks;
  /** Where dumps go that name no directory. */
  dumpDir: string;
  logger: Logger;
  /** The guest's phase now. */
  phase(): Phase;
  /** The budgets of its stop. */
  stop(): StopOptions;
  /** Tells what changes nothing. */
  note(body: ReportBody): void;
  /** Feeds what came of a deed to the policy. */
  handle(incident: Incident, report: ReportOf): void;
}

/** Carries out what the policy says, one action at a time. */
export class Deeds {
  readonly #host: DeedsHost;
  #wait: ReturnType<typeof setTimeout> | undefined;

  /** @param host The keeper's part. */
  constructor(host: DeedsHost) {
    this.#host = host;
  }

  /** Waits for nothing any more. */
  endWait(): void {
    clearTimeout(this.#wait);
  }

  /** Removes what is left of a dump that was under way when an earlier supervisor ended: it may be as large as the guest's memory. */
  async removePartialDumps(dump: DumpOptions): Promise<void> {
    const { name, dumpDir, logger } = this.#host;
    try {
      await removePartialDumps({ name, dir: dumpDir }, dump);
    } catch (error) {
      logger.warn("Could not remove what is left of a dump", { vm: name, error });
    }
  }

  /** Begins what an action says. What comes of it is told. */
  do(action: PolicyAction): void {
    const { process, handle } = this.#host;
    const stop = this.#host.stop();
    switch (action.kind) {
      case "start":
        return process.start(stop);
      case "stop":
        process.giveUpStart();
        return this.#end(action, stop);
      case "clear-away":
        return this.#end(action, { ...stop, powerdownMs: 0 });
      case "put-down":
        return process.putDown();
      case "reset":
        return this.#inPlace(action, (vm) => vm.reset());
      case "resume":
        return this.#inPlace(action, (vm) => vm.resume());
      case "dump":
      case "follow-dump":
        return this.#dump(action);
      case "wait":
        this.#wait = setTimeout(
          () => handle({ kind: "wait-over" }, (actions) => ({ kind: "wait-over", actions })),
          action.delayMs,
        );
        return;
      case "end-wait":
        return this.endWait();
      case "give-up":
        return;
    }
  }

  #end(action: PolicyAction, options: StopOptions): void {
    const { process, note } = this.#host;
    process.end(options, (error) => note({ kind: "action-failed", action, error, actions: [] }));
  }

  #inPlace(action: PolicyAction, act: (vm: Vm) => Promise<void>): void {
    const { process, phase, handle } = this.#host;
    process.doInPlace(act, () => phase() === "up", (error) => {
      if (error === null) return;
      handle(
        { kind: "action-failed" },
        (actions) => ({ kind: "action-failed", action, error, actions }),
      );
    });
  }

  #dump(action: Extract<PolicyAction, { kind: "dump" | "follow-dump" }>): void {
    const { name, dumpDir, process, phase, note, handle } = this.#host;
    let file = "";
    const act = async (vm: Vm) => {
      const place = { name, dir: dumpDir };
      const watch: DumpWatch = {
        onProgress: (progress) => note({ kind: "dump-progress", ...progress }),
      };
      const write = action.kind === "dump" ? dumpToFile : followDumpToFile;
      file = await write(vm, place, action.dump, watch);
    };
    process.doInPlace(act, () => phase() === "dumping", (error) => {
      if (error === null) handle({ kind: "dumped" }, (actions) => ({ kind: "dumped", file, actions }));
      else handle({ kind: "dump-failed" }, (actions) => ({ kind: "dump-failed", error, actions }));
    });
  }
}
