import { QmpClient, QmpCommandError } from "../../qmp/mod.ts";
import type { Vm } from "../../vm/mod.ts";
import type { ProcessState } from "./oracle.ts";
import { readProcessState } from "./process_state.ts";

/** A connection on which QEMU can be asked. Each answer counts, a refusal too; a rejection means that there will be none. */
export interface Channel {
  /** Asks the main loop. Resolves with the guest's run state; null when QEMU does not want to say. */
  askInBand(signal: AbortSignal): Promise<string | null>;
  /** Asks the monitor's own thread; null where there is none. */
  askOutOfBand: ((signal: AbortSignal) => Promise<void>) | null;
}

/** How one QEMU can be asked. */
export interface Questions {
  /** A connection that is open; null when all of them are lost. */
  channel(): Channel | null;
  /** What the host says of its process. */
  look(): Promise<ProcessState>;
}

/**
 * How the QEMU of a VM can be asked: on `watch`, where no question has to wait for other commands; where there is none, or it is lost, on
 * `control`.
 *
 * @param vm The VM.
 * @param startTime When its process started, as `/proc` has it; null if that is not known.
 * @returns The questions.
 */
export function questionsTo(vm: Vm, startTime: string | null): Questions {
  const clients = [vm.monitors.get("watch"), vm.qmp].filter((monitor) => monitor instanceof QmpClient);
  return {
    channel() {
      const client = clients.find(({ open }) => open);
      return client === undefined ? null : channelOver(client);
    },
    look() {
      return vm.pid === null ? Promise.resolve("unknown") : readProcessState(vm.pid, startTime);
    },
  };
}

function channelOver(client: QmpClient): Channel {
  return {
    async askInBand(signal) {
      try {
        return (await client.execute("query-status", {}, { signal })).status;
      } catch (error) {
        if (error instanceof QmpCommandError) return null;
        throw error;
      }
    },
    // Of the few commands that QEMU takes out of band this is the only one that changes nothing. It has it from 6.0 on; earlier ones refuse
    // it by the same thread.
    askOutOfBand: !client.greeting.capabilities.includes("oob") ? null : async (signal) => {
      try {
        await client.execute("query-yank", {}, { signal, oob: true });
      } catch (error) {
        if (!(error instanceof QmpCommandError)) throw error;
      }
    },
  };
}
