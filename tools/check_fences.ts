/** Fails when a code block of the documentation is exempt from being run, or runs and asserts nothing. */

/** A code block that is not as it should be. */
export interface BadFence {
  readonly line: number;
  readonly message: string;
}

/** The languages whose blocks `deno test --doc` runs; a block without a language counts too. */
const RUN = /^(?:ts|tsx|js|jsx|mts|mjs|typescript|javascript|)$/;

/**
 * Looks at the code blocks of a Markdown text or of the comments of a TypeScript source.
 *
 * @param text The text of the file.
 * @returns The blocks that are not run or assert nothing, by the line they begin on.
 */
export function checkFences(text: string): BadFence[] {
  const bad: BadFence[] = [];
  let open: { line: number; isRun: boolean; body: string } | null = null;
  text.split("\n").forEach((line, index) => {
    const fence = /^\s*(?:\*\s*)?```+\s*([^`]*)$/.exec(line);
    if (fence === null) {
      if (open !== null) open.body += `${line}\n`;
      return;
    }
    if (open !== null) {
      if (open.isRun && !/\bassert\w*\(/.test(open.body)) {
        bad.push({ line: open.line, message: "the code block asserts nothing" });
      }
      open = null;
      return;
    }
    const [language = "", ...attributes] = (fence[1] ?? "").trim().split(/[\s,]+/);
    const exempt = [language, ...attributes].find((word) => word === "ignore" || word === "no_run");
    if (exempt !== undefined) {
      bad.push({ line: index + 1, message: `the code block is marked "${exempt}" and so not run` });
    }
    open = { line: index + 1, isRun: RUN.test(language) && exempt === undefined, body: "" };
  });
  return bad;
}

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

async function main(): Promise<void> {
  const root = new URL("..", import.meta.url);
  const files = [new URL("README.md", root), new URL("mod.ts", root)];
  for await (const file of sources(new URL("src/", root))) files.push(file);
  let count = 0;
  for (const file of files) {
    for (const { line, message } of checkFences(await Deno.readTextFile(file))) {
      count++;
      // deno-lint-ignore no-console -- a tool talks to people
      console.error(`${file.pathname.slice(root.pathname.length)}:${line}: ${message}`);
    }
  }
  // deno-lint-ignore no-console -- as above
  console.log(`${files.length} files checked, ${count} bad code blocks`);
  Deno.exitCode = count === 0 ? 0 : 1;
}

if (import.meta.main) await main();
