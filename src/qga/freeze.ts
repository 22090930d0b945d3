import type { QgaClient } from "./client.ts";
import {
  QgaAbsentError,
  QgaCommandError,
  QgaDisabledError,
  QgaInterruptedError,
  QgaThawError,
  QgaTimeoutError,
} from "./errors.ts";

/** Freezing writes out what the guest has in memory, which takes its time. */
const DEFAULT_FREEZE_MS = 60_000;
const DEFAULT_THAW_MS = 10_000;
const THAW_ATTEMPTS = 2;

/** What `frozen` takes beside the action. */
export interface FrozenOptions {
  /** Stops the freeze; rejects with the signal's reason. The action looks after itself, and the thaw is never stopped. */
  signal?: AbortSignal;
  /**
   * How long the freeze may take, in milliseconds.
   *
   * @default {60000}
   */
  freezeMs?: number;
  /**
   * How long each of the two attempts to thaw may take, in milliseconds.
   *
   * @default {10000}
   */
  thawMs?: number;
}

/**
 * Freezes, acts, thaws.
 *
 * @param agent The client.
 * @param action What to do while the file systems are frozen.
 * @param options Limits.
 * @returns What the action returns.
 * @throws As `QgaClient.frozen` does.
 */
export async function frozen<T>(
  agent: QgaClient,
  action: (frozenCount: number) => Promise<T>,
  options: FrozenOptions,
): Promise<T> {
  const { signal, freezeMs = DEFAULT_FREEZE_MS, thawMs = DEFAULT_THAW_MS } = options;
  const limits = { timeoutMs: freezeMs, ...(signal ? { signal } : {}) };
  let count: number | bigint;
  try {
    count = await agent.execute("guest-fsfreeze-freeze", {}, limits);
  } catch (error) {
    if (!isUnfrozenAfter(error)) await thaw(agent, thawMs, { error });
    throw error;
  }
  let result: T;
  try {
    result = await action(Number(count));
  } catch (error) {
    await thaw(agent, thawMs, { error });
    throw error;
  }
  await thaw(agent, thawMs, null);
  return result;
}

/** A freeze that was refused or not sent froze nothing; of one that failed the agent itself undoes what it did. */
function isUnfrozenAfter(error: unknown): boolean {
  if (error instanceof QgaTimeoutError || error instanceof QgaInterruptedError) return !error.sent;
  return error instanceof QgaAbsentError || error instanceof QgaDisabledError ||
    error instanceof QgaCommandError;
}

async function thaw(agent: QgaClient, thawMs: number, before: { error: unknown } | null): Promise<void> {
  const failures: unknown[] = [];
  while (failures.length < THAW_ATTEMPTS) {
    try {
      await agent.execute("guest-fsfreeze-thaw", {}, { timeoutMs: thawMs });
      return;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new QgaThawError(failures, before);
}
