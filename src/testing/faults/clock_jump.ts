import { type BrokenTime, cmosWrites, MODES, toMs } from "./cmos_clock.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/**
 * Which of a guest's clocks is set, and how: `agent` has the guest agent set its system's clock (it
 * wants `/sbin/hwclock` in the guest), `run` a command in the guest (`date`); `rtc` sets the
 * machine's real-time clock from outside, which the guest's system looks at when it starts, wakes up, or is asked to (`hwclock`).
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { type ClockWay, createFaults } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const by: ClockWay = "rtc";
 * await using vm = await launch({ accel: "tcg" });
 * await using faults = createFaults(vm);
 * await using jump = await faults.jumpClock(3_600_000, { by });
 * assertEquals(jump.by, "rtc");
 * ```
 */
export type ClockWay = "agent" | "run" | "rtc";

/** How far from where it was to be a clock may be found, in milliseconds, apart from how it went on meanwhile: an RTC counts seconds. */
const SLACK_MS = 5_000;
/** A guest that reads its clock in the same moment disturbs the setting of it. */
const TRIES = 3;
const NANOSECONDS = 1_000_000n;

/**
 * Sets a guest's clock.
 *
 * @param scene Which guest.
 * @param byMs By how much, in milliseconds; back where it is less than zero.
 * @param by Which clock, and how.
 */
export async function jumpClock(scene: FaultScene, byMs: number, by: ClockWay): Promise<void> {
  switch (by) {
    case "agent":
      return await jumpByAgent(scene, byMs);
    case "run":
      return await jumpByCommand(scene, byMs);
    case "rtc":
      return await jumpRtc(scene, byMs);
  }
}

async function jumpByAgent({ vm, call }: FaultScene, byMs: number): Promise<void> {
  const { agent } = vm;
  if (agent === null) {
    throw new Obstacle("it has no guest agent; give it one (agent: true), or choose another way");
  }
  const read = async () => BigInt(await agent.execute("guest-get-time", {}, call)) / NANOSECONDS;
  const wanted = await read() + BigInt(Math.round(byMs));
  const startMs = performance.now();
  await agent.execute("guest-set-time", { time: wanted * NANOSECONDS }, call);
  const foundMs = Number(await read());
  if (!isThere(foundMs, Number(wanted), startMs)) throw astray(foundMs, Number(wanted));
}

async function jumpByCommand({ run, call }: FaultScene, byMs: number): Promise<void> {
  if (run === null) throw new Obstacle("there is no channel for commands into the guest; choose another way");
  const seconds = Math.round(byMs / 1000);
  const command = `date -u -s "@$(($(date +%s) + ${seconds}))"`;
  const { exitCode } = await run(command, call);
  if (exitCode !== 0) throw new Obstacle(`its command ended with ${exitCode} in the guest: ${command}`);
}

/** As the guest itself would: through the clock's two ports. */
async function jumpRtc(scene: FaultScene, byMs: number): Promise<void> {
  const beganMs = performance.now();
  const wantedMs = await readRtc(scene) + byMs;
  for (let tries = 1;; tries++) {
    const startMs = performance.now();
    const goalMs = wantedMs + startMs - beganMs;
    const modes = await readRegister(scene, MODES);
    for (const { register, value } of cmosWrites(goalMs, modes)) await writeRegister(scene, register, value);
    const foundMs = await readRtc(scene);
    if (isThere(foundMs, goalMs, startMs)) return;
    if (tries === TRIES) throw astray(foundMs, goalMs);
  }
}

async function readRtc({ vm, call }: FaultScene): Promise<number> {
  const time = await vm.qmp.execute("qom-get", { path: "/machine", property: "rtc-time" }, call);
  return toMs(time as BrokenTime);
}

async function readRegister({ vm, call }: FaultScene, register: number): Promise<number> {
  await vm.hmp(`o /b 0x70 ${register}`, call);
  const said = await vm.hmp("i /b 0x71", call);
  const [, value] = /= (0x[0-9a-f]+)/.exec(said) ?? [];
  if (value === undefined) throw new Obstacle(`its clock has no such port as a PC's has: ${said.trim()}`);
  return Number(value);
}

async function writeRegister({ vm, call }: FaultScene, register: number, value: number): Promise<void> {
  await vm.hmp(`o /b 0x70 ${register}`, call);
  await vm.hmp(`o /b 0x71 ${value}`, call);
}

/** However long it took to set and to read it, the clock went on meanwhile. */
function isThere(foundMs: number, goalMs: number, startMs: number): boolean {
  const aheadMs = foundMs - goalMs;
  return aheadMs > -SLACK_MS && aheadMs < SLACK_MS + performance.now() - startMs;
}

function astray(foundMs: number, goalMs: number): Obstacle {
  const show = (ms: number) => new Date(ms).toISOString();
  return new Obstacle(`it says ${show(foundMs)} where it was set to ${show(goalMs)}`);
}
