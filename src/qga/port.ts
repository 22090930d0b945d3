import { abortable } from "@std/async/abortable";
import type { QmpClient } from "../qmp/mod.ts";

/** What QEMU knows of the guest's end of the channel. */
export interface AgentPort {
  /**
   * Whether something in the guest has opened the port.
   *
   * @param signal Gives up the question.
   * @returns What QEMU says.
   */
  isOpen(signal: AbortSignal): Promise<boolean>;
  /**
   * Waits until something in the guest has opened the port.
   *
   * @param signal Stops waiting.
   */
  opened(signal: AbortSignal): Promise<void>;
}

/** Which device and chardev the channel is made of. */
export interface AgentPortOptions {
  /**
   * The id of the `virtserialport`, which `VSERPORT_CHANGE` names.
   *
   * @default {"agent"}
   */
  device?: string;
  /**
   * The id of the chardev.
   *
   * @default {"agent"}
   */
  chardev?: string;
}

/**
 * Watches the guest's end of the channel by QMP: `frontend-open` of `query-chardev` for how it is, `VSERPORT_CHANGE` for the moment in
 * which the agent comes. An agent that is not there is then told apart from one that does not answer.
 *
 * @param qmp A monitor of the same QEMU.
 * @param options The ids, where they are not those that `agent: true` gives.
 * @returns The port, for `QgaClientOptions.port`.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { agentPort, QgaAbsentError, QgaClient } from "@qeeper/qeeper/qga";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ machine: "pc", accel: "tcg", agent: true }, { paused: true });
 * const address = { transport: "unix", path: `${vm.runDir}/agent` } as const;
 * await using agent = new QgaClient(address, { port: agentPort(vm.qmp) });
 * const error = await assertRejects(() => agent.execute("guest-ping"), QgaAbsentError);
 * assertEquals(error.missing, "agent");
 * ```
 */
export function agentPort(qmp: QmpClient, options: AgentPortOptions = {}): AgentPort {
  const { device = "agent", chardev = "agent" } = options;
  const isOpen = async (signal: AbortSignal): Promise<boolean> => {
    const chardevs = await qmp.execute("query-chardev", {}, { signal });
    return chardevs.some((each) => each.label === chardev && each["frontend-open"]);
  };
  return {
    isOpen,
    async opened(signal) {
      // Opened before the question, so that the moment between the two is not missed.
      using changes = qmp.events("VSERPORT_CHANGE");
      if (await isOpen(signal)) return;
      for (;;) {
        const { value, done } = await abortable(changes.next(), signal);
        if (done) throw new Deno.errors.ConnectionAborted("The monitor's connection ended");
        if (value.data.id === device && value.data.open) return;
      }
    },
  };
}
