import { type QmpClient, QmpCommandError, type QmpCommands } from "../qmp/mod.ts";
import { type Accel, launch, LaunchError, type Vm } from "../vm/mod.ts";

/** What a QEMU says of itself. */
export interface QemuSchema {
  /** Its version, `7.2.22`. */
  readonly version: string;
  /** The distributor's words; empty where there are none. */
  readonly package: string;
  /** All that it understands; types have numbers in place of their names. */
  readonly reply: QmpCommands["query-qmp-schema"]["returns"];
}

/** How long the answer may take. 50 ms are usual. */
const ANSWER_MS = 60_000;
/** A machine without devices needs no accelerator, but QEMU wants one: this, where it was built without TCG. */
const NATIVE_ACCEL: Accel = Deno.build.os === "darwin" ? "hvf" : "kvm";

/**
 * Starts a QEMU without a guest and asks it for its schema.
 *
 * @param binary A name for PATH, or a path.
 * @returns What it says.
 * @throws {Error} When it can't be started, speaks no QMP, or can't say its schema; the message says what to do.
 */
export async function askSchema(binary: string): Promise<QemuSchema> {
  try {
    await using vm = await startBare(binary);
    return await readSchema(vm.qmp, binary);
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    throw new Error(
      `${error.message}\nName a QEMU that works with --qemu; qeeper doctor lists those of this machine`,
      { cause: error },
    );
  }
}

/**
 * Asks for the schema over a monitor.
 *
 * @param qmp The monitor.
 * @param binary What it is the monitor of, for errors.
 * @returns What QEMU says.
 * @throws {Error} When it is too old to say it.
 */
export async function readSchema(
  qmp: Pick<QmpClient, "execute" | "greeting">,
  binary: string,
): Promise<QemuSchema> {
  const { qemu, package: distribution } = qmp.greeting.version;
  const version = `${qemu.major}.${qemu.minor}.${qemu.micro}`;
  try {
    const reply = await qmp.execute("query-qmp-schema", {}, { timeoutMs: ANSWER_MS });
    return { version, package: distribution.trim(), reply };
  } catch (error) {
    if (!(error instanceof QmpCommandError)) throw error;
    throw new Error(
      `Cannot ask ${binary} for its schema: QEMU ${version} says ${JSON.stringify(error.desc)}; ` +
        "QEMU can say it since 2.5: name a newer one with --qemu",
      { cause: error },
    );
  }
}

async function startBare(binary: string): Promise<Vm> {
  const config = { name: "types", machine: "none", binary } as const;
  try {
    return await launch({ ...config, accel: "tcg" }, { paused: true });
  } catch (error) {
    if (!(error instanceof LaunchError) || !/invalid accelerator/.test(error.stderrTail)) throw error;
    return await launch({ ...config, accel: NATIVE_ACCEL }, { paused: true });
  }
}
