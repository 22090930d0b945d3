import { runRoot } from "../vm/mod.ts";

/**
 * Where the kit keeps what can be made again, if nobody says where.
 *
 * @param name What is kept there.
 * @returns `$XDG_CACHE_HOME/qeeper/NAME`, `~/.cache/qeeper/NAME`, or where run directories are made. It may not be there yet.
 */
export async function cacheFolder(name: string): Promise<string> {
  const cache = readEnv("XDG_CACHE_HOME");
  if (cache?.startsWith("/")) return `${cache}/qeeper/${name}`;
  const home = readEnv("HOME");
  if (home?.startsWith("/")) return `${home}/.cache/qeeper/${name}`;
  return `${await runRoot()}/${name}`;
}

function readEnv(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
