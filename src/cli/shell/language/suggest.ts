import { didYouMean } from "../../command.ts";
import { nearestKey } from "../../../machine/nearest_key.ts";
import { SHELL_WORDS } from "./completion.ts";
import type { LiveSchema } from "./live_schema.ts";

/** Commands that also take what their schema does not list: a device's own properties. */
const OPEN_COMMANDS: ReadonlySet<string> = new Set(["device_add"]);

/** A command that QEMU refused. */
export interface Refused {
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** QEMU's error. */
  readonly class: string;
  readonly desc: string;
}

/**
 * What was probably meant, when QEMU refuses a command.
 *
 * @param refused The command, and what QEMU said.
 * @param schema What this QEMU understands.
 * @returns `, did you mean "x"?` or the like, to be put behind the error; empty when nothing is near.
 */
export function suggest({ command, args, class: errorClass, desc }: Refused, schema: LiveSchema): string {
  const info = schema.command(command);
  if (info === undefined) {
    return errorClass === "CommandNotFound" ? didYouMean(command, [...schema.commands, ...SHELL_WORDS]) : "";
  }
  if (OPEN_COMMANDS.has(command)) return "";
  for (const { typed, near } of misspelt(schema, info.argType, args)) {
    // QEMU complains of one thing at a time; another misspelling is not what its words are about.
    if (names(desc, typed) || names(desc, near)) return `, did you mean ${near}?`;
  }
  return "";
}

interface Misspelling {
  readonly typed: string;
  readonly near: string;
}

/** What the schema does not have, but something near it: members and enum values, from the outside in. */
function* misspelt(schema: LiveSchema, type: string, value: unknown): Generator<Misspelling> {
  if (typeof value === "string") {
    const values = schema.isEnum(type) ? schema.values(type) : [value];
    if (!values.includes(value)) yield* near(value, values);
    return;
  }
  if (Array.isArray(value)) {
    const element = schema.element(type);
    if (element !== undefined) { for (const one of value) yield* misspelt(schema, element, one); }
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const members = schema.members(type, value);
  if (members.length === 0) return;
  const missing = members.map(({ name }) => name).filter((name) => !Object.hasOwn(value, name));
  for (const [name, inner] of Object.entries(value)) {
    const member = members.find((one) => one.name === name);
    if (member === undefined) yield* near(name, missing);
    else yield* misspelt(schema, member.type, inner);
  }
}

function* near(typed: string, known: readonly string[]): Generator<Misspelling> {
  const nearest = nearestKey(typed, known);
  if (nearest !== undefined) yield { typed, near: nearest };
}

/** QEMU quotes what it complains of, with the way to it: `Parameter 'file.drivr' is unexpected`. */
function names(desc: string, word: string): boolean {
  return desc.includes(`'${word}'`) || desc.includes(`.${word}'`);
}
