import type { Bench } from "./contestants.ts";
import { LanguageServer } from "./language_server.ts";
import type { Group } from "./report.ts";

/** How often a server is started anew; each takes seconds. */
const COLD_ROUNDS = 3;
const ROOT = new URL("../../", import.meta.url);
/** A file that somebody edits, and where the cursor is. */
interface Edited {
  readonly text: string;
  readonly line: number;
  readonly character: number;
  /** What has to be among the answers, and how many there are at least. */
  readonly label: string;
  readonly atLeast: number;
}

const COMMAND: Edited = {
  text: 'import { launch } from "../mod.ts";\nawait using vm = await launch({});\nvm.qmp.execute("");\n',
  line: 2,
  character: 'vm.qmp.execute("'.length,
  label: "query-status",
  atLeast: 200,
};
/** The same without anything of the project: what the server itself takes. */
const PLAIN: Edited = { text: '"".', line: 0, character: 3, label: "charCodeAt", atLeast: 10 };

/**
 * How long `deno lsp` takes to say which commands there are, inside of `qmp.execute("")`.
 *
 * @param bench How often.
 * @returns The outcome.
 */
export async function editor(bench: Bench): Promise<Group> {
  const plain: number[] = [];
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < Math.min(COLD_ROUNDS, bench.rounds); round++) {
    {
      await using server = await LanguageServer.start(ROOT);
      plain.push(await new Editing(server, PLAIN).complete());
    }
    await using server = await LanguageServer.start(ROOT);
    const editing = new Editing(server, COMMAND);
    first.push(await editing.complete());
    for (let turn = 0; turn < bench.rounds / COLD_ROUNDS; turn++) later.push(await editing.complete());
  }
  return {
    title: 'Completion in an editor, inside of vm.qmp.execute("")',
    unit: "ms",
    figures: new Map([
      ["a server's first one, in a file without imports", plain],
      ["a server's first one", first],
      ["later, after another key", later],
    ]),
    targets: [
      { kind: "within", of: "later, after another key", atMostMs: 1000 },
      {
        kind: "beyond",
        of: "a server's first one",
        to: "a server's first one, in a file without imports",
        atMostMs: 1000,
      },
    ],
    notes: ["A server's first answer waits until it has read and checked all that the file imports"],
  };
}

/** One file in a server. */
class Editing {
  readonly #server: LanguageServer;
  readonly #edited: Edited;
  readonly #uri = new URL("examples/what_is_typed.ts", ROOT).href;
  #version = 0;

  constructor(server: LanguageServer, edited: Edited) {
    this.#server = server;
    this.#edited = edited;
  }

  /** Opens the file, or changes it, and asks what could come at the cursor: the time of the answer, in milliseconds. */
  async complete(): Promise<number> {
    const { text, line, character, label, atLeast } = this.#edited;
    const version = ++this.#version;
    // Each key is another file: the server may keep nothing of its last answer.
    const changed = `${text}\n// ${"x".repeat(version)}\n`;
    if (version === 1) {
      const textDocument = { uri: this.#uri, languageId: "typescript", version, text: changed };
      await this.#server.tell("textDocument/didOpen", { textDocument });
    } else {
      const textDocument = { uri: this.#uri, version };
      await this.#server.tell("textDocument/didChange", {
        textDocument,
        contentChanges: [{ text: changed }],
      });
    }
    const start = performance.now();
    const answer = await this.#server.ask("textDocument/completion", {
      textDocument: { uri: this.#uri },
      position: { line, character },
    });
    const ms = performance.now() - start;
    const items = (Array.isArray(answer) ? answer : (answer as { items?: unknown[] } | null)?.items) ?? [];
    const labels = (items as readonly { label: string }[]).map((item) => item.label);
    if (!labels.includes(label) || labels.length < atLeast) {
      throw new Error(
        `Cannot measure completion: the answer has ${labels.length} items, ${label} ` +
          `${labels.includes(label) ? "among" : "not among"} them`,
      );
    }
    return ms;
  }
}
