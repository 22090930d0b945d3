// deno-lint-ignore-file no-console -- a script talks to whoever runs it
// A supervisor with a group, to be killed: `_group_script.ts FOLDER [STATE-DIRECTORY]`. Says the pids once the group is up.
import { openGroup } from "../../mod.ts";
import { theGroup } from "./_groups.ts";
import { Yard } from "./_supervised.ts";

const [folder = "", stateDir] = Deno.args;
const yard = new Yard(folder);
const state = stateDir === undefined ? {} : { stateDir };
const { supervisor } = await yard.open({ signals: "ignore", ...state });
const group = await openGroup(supervisor, await theGroup(yard), {
  folder,
  runtimeDir: yard.runtimeDir,
  ...state,
});
const statuses = await group.start();
console.log(
  JSON.stringify(statuses.map(({ guest, helpers }) => [guest?.vm?.pid, ...helpers.map(({ pid }) => pid)])),
);
await group.down();
