import { delay } from "@std/async/delay";
import { type QmpEvent, QmpInterruptedError, QmpTimeoutError } from "../../qmp/mod.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/** What a Linux guest is told to panic by. */
const CRASH = "echo c > /proc/sysrq-trigger";
/** The port of QEMU's ISA pvpanic device, and what a guest that panics writes there. */
const REPORT_PANIC = "o /b 0x505 1";

/**
 * How a guest is made to panic: `run` and `console` have a Linux guest's shell crash its kernel (sysrq), over the channel for commands or typed
 * on the console; `nmi` takes a kernel that panics at an NMI (`unknown_nmi_panic` on its command line); `pvpanic` reports a panic
 * in the guest's name, which the guest itself knows nothing of: it takes nothing but the device, and leaves no oops on the console.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type PanicWay } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const by: PanicWay = "pvpanic";
 * await using vm = await launch({ accel: "tcg" });
 * await using faults = createFaults(vm);
 * assertEquals((await faults.panicGuest({ by })).event.data.action, "poweroff");
 * assertEquals((await vm.stopped).cause, "guest-panic");
 * ```
 */
export type PanicWay = "run" | "console" | "nmi" | "pvpanic";

/**
 * A guest's panic, as QEMU told of it.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { createFaults, type GuestPanic } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", actions: { panic: "pause" } });
 * await using faults = createFaults(vm);
 * const panic: GuestPanic = await faults.panicGuest();
 * assertEquals([panic.by, panic.event.data.action], ["pvpanic", "pause"]);
 * assertEquals((await vm.status()).status, "guest-panicked");
 * ```
 */
export interface GuestPanic {
  /** How it was made to. */
  readonly by: PanicWay;
  /** What QEMU said. Its `action` says what QEMU does now. */
  readonly event: QmpEvent<"GUEST_PANICKED">;
}

/**
 * Presses the power button.
 *
 * @param scene Whose.
 * @returns QEMU's word that it is pressed.
 */
export async function pressPowerButton({ vm, call }: FaultScene): Promise<QmpEvent<"POWERDOWN">> {
  return await vm.qmp.expect("POWERDOWN", () => vm.qmp.execute("system_powerdown"), call);
}

/**
 * Makes the guest panic.
 *
 * @param scene Which guest.
 * @param by How.
 * @returns What came of it.
 */
export async function panicGuest(scene: FaultScene, by: PanicWay): Promise<GuestPanic> {
  const { vm, run, call } = scene;
  if (by === "run" && run === null) {
    throw new Obstacle("there is no channel for commands into the guest; choose another way");
  }
  if (by === "console" && vm.console === null) throw new Obstacle("it has no console; choose another way");

  const done = new AbortController();
  const failed = new AbortController();
  const signal = call.signal ? AbortSignal.any([call.signal, failed.signal]) : failed.signal;
  let seen: "event" | "nothing" = "nothing";
  let command: Promise<void> = Promise.resolve();
  const act = async () => {
    switch (by) {
      case "run":
        // A guest that panics never says that the command has ended.
        command = crash(scene, done.signal).then((why) => failed.abort(why), () => {});
        return;
      case "console":
        await vm.console?.write(`${CRASH}\n`, call);
        return;
      case "nmi":
        await answered(vm.qmp.execute("inject-nmi", {}, call));
        return;
      case "pvpanic":
        await answered(vm.hmp(REPORT_PANIC, call));
        // The event comes before the answer, or not at all.
        await delay(0);
        if (seen === "nothing") throw new Obstacle(`QEMU told of no panic; ${MISSING.pvpanic}`);
    }
  };
  const where = () => {
    seen = "event";
    return true;
  };
  try {
    return { by, event: await vm.qmp.expect("GUEST_PANICKED", act, { ...call, signal, where }) };
  } catch (error) {
    if (!(error instanceof QmpTimeoutError)) throw error;
    throw new Obstacle(`QEMU told of no panic within ${call.timeoutMs} ms; ${MISSING[by]}`, { cause: error });
  } finally {
    done.abort();
    await command;
  }
}

/** Why the guest did not panic, once the command that was to make it has ended. */
async function crash({ run, call: { timeoutMs } }: FaultScene, signal: AbortSignal): Promise<Obstacle> {
  const { exitCode } = await run?.(CRASH, { signal, timeoutMs }) ?? { exitCode: null };
  return new Obstacle(`its command ended with ${exitCode} in the guest: ${CRASH}`);
}

/** QEMU may end, as it is told to at a panic, before it has answered. */
async function answered(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof QmpInterruptedError)) throw error;
  }
}

const MISSING: Readonly<Record<PanicWay, string>> = {
  run: "the guest has to be a Linux with a pvpanic device and its driver",
  console: "a shell of a Linux guest with a pvpanic device and its driver has to listen on the console",
  nmi: "a Linux guest needs unknown_nmi_panic on its command line, and a pvpanic device with its driver",
  pvpanic:
    "the machine has no ISA pvpanic device (a pc or q35 has one, unless the config says pvpanic: false)",
};
