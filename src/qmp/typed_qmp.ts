import type { CallParameters, CallResult, CommandName } from "../qapi/mod.ts";
import type { QmpClient } from "./client.ts";
import type { ExecuteOptions, ExpectOptions } from "./client_options.ts";
import type { EventStream } from "./event_stream.ts";
import type { AnyQmpEvent, EventOf } from "./message.ts";

/**
 * A `QmpClient` with the types of another QEMU, such as those that `qeeper types` writes: what `QmpClient.as` gives. It is the same
 * client, and does the same.
 *
 * @typeParam Commands What each command takes and returns, by its name.
 * @typeParam Events What each event carries, by its name.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import type { TypedQmp } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * interface MyCommands {
 *   "query-name": { arguments: Record<never, never>; returns: { name: string } };
 * }
 * const nameOf = async (qmp: TypedQmp<MyCommands, Record<never, never>>) => (await qmp.execute("query-name")).name;
 *
 * await using vm = await launch({ name: "web", machine: "none", accel: "tcg" });
 * assertEquals(await nameOf(vm.qmp.as<MyCommands, Record<never, never>>()), "web");
 * ```
 */
export interface TypedQmp<Commands, Events> extends Omit<QmpClient, "as" | "execute" | "events" | "expect"> {
  /** As `QmpClient.execute`. */
  execute<Name extends string>(
    command: CommandName<Commands, Name>,
    ...rest: CallParameters<Commands, Name, ExecuteOptions>
  ): Promise<CallResult<Commands, Name>>;
  /** As `QmpClient.events`. */
  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof Events>(...names: N[]): EventStream<EventOf<Events, N>>;
  /** As `QmpClient.expect`. */
  expect<N extends keyof Events>(
    name: N,
    action: () => Promise<unknown>,
    options?: ExpectOptions<EventOf<Events, N>>,
  ): Promise<EventOf<Events, N>>;
  expect(
    name: string,
    action: () => Promise<unknown>,
    options?: ExpectOptions<AnyQmpEvent>,
  ): Promise<AnyQmpEvent>;
}
