import { policyOf } from "../supervisor/policy_of.ts";
import type { Policy, SupervisedVm } from "../supervisor/mod.ts";
import { type JsoncFile, readJsoncFile } from "./jsonc_file.ts";

/** The members of a spec that are objects of their own. */
const PARTS = ["backoff", "limit", "onCause", "onStuck", "onUnreachable", "stop"] as const;

/**
 * Reads a policy: the members of a supervised guest's spec, without its config, which is passed over if it is there.
 *
 * @param file A file of JSON with comments.
 * @returns The whole policy.
 * @throws {UsageError} When it can't be read or is wrong; it names file, line, column, the place in the policy, and what is expected.
 */
export async function readPolicyFile(file: string): Promise<Policy> {
  const source = await readJsoncFile(file, "policy");
  const { value } = source;
  if (!isObject(value)) throw source.fault("", `expected an object, found ${JSON.stringify(value)}`);
  for (const part of PARTS) {
    const found = value[part];
    if (found !== undefined && !isObject(found)) {
      throw source.fault(part, `'${part}' must be an object: current value is ${JSON.stringify(found)}`);
    }
  }
  try {
    // Its words and numbers are checked there.
    return policyOf(value as Omit<SupervisedVm, "config">);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw placed(source, error);
    throw error;
  }
}

/** The error with the place that it names: `Cannot supervise as 'limit.restarts' must be...`, `... as 'limit' has no "x"...`. */
function placed(source: JsoncFile, error: Error): Error {
  const message = error.message.replace(/^Cannot supervise as /, "");
  const place = /^'([^']+)'/.exec(message)?.[1] ?? "";
  const key = /^(?:'[^']+'|a guest's spec) has no ("(?:\\.|[^"\\])*")/.exec(message)?.[1];
  const path = [place, ...(key === undefined ? [] : [String(JSON.parse(key))])].filter((part) => part !== "");
  return source.fault(path.join("."), message, error);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
