/** Fails when an import breaks the house's arrows, when the launch path grows, or when a pure file is not pure. */
import { checkLayers } from "./layers/check.ts";

const ROOT = new URL("..", import.meta.url);

async function readTree(folder: string, files: Map<string, string>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory) await readTree(`${path}/`, files);
    else if (name.endsWith(".ts")) files.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  }
}

const files = new Map([["mod.ts", await Deno.readTextFile(new URL("mod.ts", ROOT))]]);
await readTree("src/", files);
const violations = checkLayers(files);
for (const { file, line, message } of violations) {
  // deno-lint-ignore no-console -- a tool talks to people
  console.error(`${file}:${line}: ${message}`);
}
// deno-lint-ignore no-console -- as above
console.log(`${files.size} files checked, ${violations.length} broken rules`);
Deno.exitCode = violations.length === 0 ? 0 : 1;
