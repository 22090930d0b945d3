import type { Logger } from "./logger.ts";

/**
 * Says once a command that it is deprecated or unstable, so that nobody finds out by an upgrade. The table of names is only
 * loaded where somebody listens.
 */
export class UseNotes {
  readonly #logger: Logger;
  readonly #noted = new Set<string>();

  /** @param logger Who is told. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Looks at a command that is being sent. */
  async note(command: string): Promise<void> {
    if (this.#noted.has(command)) return;
    this.#noted.add(command);
    const { QMP_COMMANDS } = await import("../qapi/qmp_names.gen.ts");
    const facts = QMP_COMMANDS.get(command);
    if (facts?.deprecated) {
      const instead = facts.instead === undefined ? "" : `; use ${facts.instead} instead`;
      this.#logger.warn(`The command ${command} is deprecated and will be dropped by QEMU${instead}`, {
        command,
      });
    }
    if (facts?.unstable) {
      this.#logger.warn(`The command ${command} is unstable: QEMU may change or drop it at any time`, {
        command,
      });
    }
  }
}
