// With the entry that launches and does no more: what a user's script does, for its time from a cold start.
import { launch } from "../../../src/vm/launch_alone.ts";

const vm = await launch({ machine: "none", accel: "tcg" });
const { running } = await vm.status();
const { cause } = await vm.shutdown({ powerdownMs: 0 });
if (!running || cause !== "host-quit") {
  throw new Error(`Cannot vouch for the figure: found ${running}, ${cause}`);
}
