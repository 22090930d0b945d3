import type { Undo } from "./fault.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/**
 * The network that is meant where none is named.
 *
 * @param scene Whose networks.
 * @returns The id of the only one.
 */
export async function onlyNetwork({ vm, call }: FaultScene): Promise<string> {
  const networks = parseNetworks(await vm.hmp("info network", call));
  const [only] = networks;
  if (only !== undefined && networks.length === 1) return only;
  throw new Obstacle(
    only === undefined
      ? "it has no network; give it one in the config"
      : `it has several; name one of ${networks.join(", ")}`,
  );
}

/**
 * The networks that have a card, as `info network` prints them: a card on its line, and behind ` \ ` on the next one what it is
 * plugged into.
 *
 * @param text What it prints.
 * @returns Their ids.
 */
export function parseNetworks(text: string): string[] {
  return [...text.matchAll(/^ \\ (.+?): index=/gm)].map(([, id = ""]) => id);
}

/**
 * Takes a network's link down (`set_link`).
 *
 * @param scene Whose network.
 * @param network Its id.
 * @returns Takes it up again.
 */
export async function cutLink({ vm, call }: FaultScene, network: string): Promise<Undo> {
  await vm.qmp.execute("set_link", { name: network, up: false }, call);
  return async () => {
    await vm.qmp.execute("set_link", { name: network, up: true }, { timeoutMs: call.timeoutMs });
  };
}
