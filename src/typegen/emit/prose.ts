import { type Condition, hasFeature, type Member, type Named } from "../model.ts";
import { wrap } from "./layout.ts";
import type { Use } from "./usage.ts";

const DEPRECATED = "@deprecated QEMU means to drop it.";
const EXPERIMENTAL = "@experimental QEMU may change or drop it at any time.";
/** How many users of a type are named, at most. */
const NAMED_USES = 3;

/**
 * A thing's documentation.
 *
 * @param named The thing.
 * @param before What is said of it first.
 * @param depth How deep it is indented.
 * @param replacement What to use in its place, if it is deprecated and that is known.
 */
export function documentation(
  named: Named,
  before: readonly string[],
  depth: number,
  replacement: string | null = null,
): string[] {
  const sentences = [...before];
  if (named.since !== undefined) sentences.push(`Since ${named.since}.`);
  sentences.push(...restrictions(named));
  const tags: string[] = [];
  if (hasFeature(named, "deprecated")) {
    tags.push(replacement === null ? DEPRECATED : `@deprecated Use \`${replacement}\`.`);
  }
  if (hasFeature(named, "unstable")) tags.push(EXPERIMENTAL);
  const prose = sentences.length === 0 ? [] : wrap(sentences.join(" "), depth);
  return prose.length > 0 && tags.length > 0 ? [...prose, "", ...tags] : [...prose, ...tags];
}

/** A member's documentation. It has its version only where that is not its owner's. */
export function memberDocumentation(member: Member, ownerSince: string | undefined, depth: number): string[] {
  const { since, ...rest } = member;
  const told = since === undefined || since === ownerSince ? rest : { ...rest, since };
  return documentation(told, [], depth);
}

/** What an enum's documentation says of its values: those that are younger than it, and those with features. */
export function valueNotes(values: readonly Named[], ownerSince: string | undefined): string[] {
  const notes: string[] = [];
  const bySince = Map.groupBy(
    values.filter(({ since }) => since !== undefined && since !== ownerSince),
    ({ since }) => since,
  );
  for (const [since, those] of bySince) notes.push(`Since ${since}: ${quoted(those)}.`);
  for (const feature of ["deprecated", "unstable"]) {
    const those = values.filter((value) => hasFeature(value, feature));
    if (those.length > 0) notes.push(`${capital(feature)}: ${quoted(those)}.`);
  }
  const byCondition = Map.groupBy(
    values.filter((value) => value.if !== undefined),
    (value) => inBuilds(value.if ?? ""),
  );
  for (const [builds, those] of byCondition) notes.push(`Only ${builds}: ${quoted(those)}.`);
  return notes;
}

/** What a type's documentation says of those that use it. */
export function useNotes(uses: readonly Use[], protocol: string): string[] {
  const of = (kind: Use["kind"]) => uses.filter((use) => use.kind === kind);
  const notes: string[] = [];
  if (of("returns").length > 0) notes.push(`Returned by ${some(of("returns"))}.`);
  if (of("arguments").length > 0) notes.push(`Taken by ${some(of("arguments"))}.`);
  if (of("event").length > 0) notes.push(`Carried by ${some(of("event"))}.`);
  if (notes.length > 0) return notes;
  if (uses.length > 0) return [`Part of ${some(uses)}.`];
  return [`In no command or event of ${protocol}.`];
}

function restrictions(named: Named): string[] {
  const notes: string[] = [];
  for (const { name } of named.features ?? []) {
    if (name !== "deprecated" && name !== "unstable") notes.push(`Has the feature \`${name}\`.`);
  }
  if (named.if !== undefined) notes.push(`Only ${inBuilds(named.if)}.`);
  return notes;
}

function inBuilds(condition: Condition): string {
  return `in builds with ${conditionText(condition)}`;
}

function conditionText(condition: Condition): string {
  if (typeof condition === "string") return condition;
  if ("not" in condition) return `not (${conditionText(condition.not)})`;
  if ("all" in condition) return joined(condition.all.map(conditionText), "and");
  return joined(condition.any.map(conditionText), "or");
}

function some(uses: readonly { name: string }[]): string {
  if (uses.length <= NAMED_USES + 1) return joined(uses.map(({ name }) => `\`${name}\``), "and");
  const named = uses.slice(0, NAMED_USES).map(({ name }) => `\`${name}\``);
  return `${named.join(", ")} and ${uses.length - NAMED_USES} more`;
}

function joined(words: readonly string[], word: string): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${word} ${words.at(-1)}`;
}

function quoted(values: readonly Named[]): string {
  return values.map(({ name }) => `\`${name}\``).join(", ");
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}
