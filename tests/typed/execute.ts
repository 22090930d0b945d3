import type { CallParameters, CallResult, CommandName } from "../../src/qapi/call.ts";
import type { QgaCommands } from "../../src/qapi/qga.gen.ts";
import type { QmpCommands } from "../../src/qapi/qmp.gen.ts";

/** What may follow the arguments of a call. */
export interface Options {
  timeoutMs?: number;
}

/** The shape of `QmpClient.execute`. */
export type ExecuteQmp = <Name extends string>(
  command: CommandName<QmpCommands, Name>,
  ...rest: CallParameters<QmpCommands, Name, Options>
) => Promise<CallResult<QmpCommands, Name>>;

/** The shape of the guest agent's `execute`. */
export type ExecuteQga = <Name extends string>(
  command: CommandName<QgaCommands, Name>,
  ...rest: CallParameters<QgaCommands, Name, Options>
) => Promise<CallResult<QgaCommands, Name>>;
