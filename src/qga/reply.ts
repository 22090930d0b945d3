import { QgaCommandError, QgaDisabledError, QgaProtocolError } from "./errors.ts";

/** What the agent answered. */
export type AgentReply =
  | { readonly kind: "return"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: QgaCommandError | QgaDisabledError };

/**
 * Reads an answer. A command that the agent does not do has an error class of its own (`CommandNotFound`); older agents only say
 * so in words.
 *
 * @param command The command that was sent.
 * @param message What came.
 * @returns What it means.
 * @throws {QgaProtocolError} When it is neither a result nor an error.
 */
export function readReply(command: string, message: unknown): AgentReply {
  if (typeof message === "object" && message !== null) {
    if ("return" in message) return { kind: "return", value: message.return };
    if ("error" in message && typeof message.error === "object" && message.error !== null) {
      const { class: errorClass, desc } = message.error as { class?: unknown; desc?: unknown };
      return { kind: "error", error: errorOf(command, textOf(errorClass), textOf(desc)) };
    }
  }
  throw new QgaProtocolError(command, "it has neither `return` nor `error`");
}

function errorOf(command: string, errorClass: string, desc: string): QgaCommandError | QgaDisabledError {
  return errorClass === "CommandNotFound" || /^(The )?[Cc]ommand \S+ has been disabled/.test(desc)
    ? new QgaDisabledError(command, desc)
    : new QgaCommandError(command, errorClass, desc);
}

/** What a guest says is never to be trusted to be what it should be. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "not said";
}
