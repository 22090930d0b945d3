import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async/deadline";
import { bootSector, rom, uni, unirom } from "../../src/testing/mod.ts";
import { launch, type LaunchOptions, QmpClient, type Vm, type VmConfig } from "../../mod.ts";

/** The longest that anything here may take; a wait that takes longer fails. */
const LIMIT_MS = 30_000;

/** What the supervisor has QEMU do, so that a guest is held at its end. */
export const HELD = { shutdown: "pause", panic: "pause", watchdog: "pause" } as const;

/**
 * A place for VMs: guests' images in a directory of its own, and a run root of its own, which has to be empty when it is disposed of.
 */
export class VmHost implements AsyncDisposable {
  readonly dir: string;
  /** The firmware that obeys one-byte commands. */
  readonly rom: string;
  /** The same as a floppy, started by SeaBIOS. */
  readonly floppy: string;
  readonly #runtimeBefore: string | undefined;

  private constructor(dir: string) {
    this.dir = dir;
    this.rom = `${dir}/unirom.rom`;
    this.floppy = `${dir}/uni.img`;
    this.#runtimeBefore = Deno.env.get("XDG_RUNTIME_DIR");
    Deno.env.set("XDG_RUNTIME_DIR", dir);
  }

  static async make(): Promise<VmHost> {
    const host = new VmHost(await Deno.makeTempDir({ prefix: "qeeper-vm-" }));
    await Deno.writeFile(host.rom, rom(unirom.code));
    await Deno.writeFile(host.floppy, bootSector(uni.code));
    return host;
  }

  /** The config of the guest that obeys, as firmware: it is ready 40 ms after its launch. */
  config(more: VmConfig = {}): VmConfig {
    return { accel: "tcg", memoryMiB: 16, firmware: { bios: this.rom }, ...more };
  }

  /** The config of the guest that obeys, started by SeaBIOS. */
  biosConfig(more: VmConfig = {}): VmConfig {
    // Read-only, so that several guests can share it.
    const drives = [{ file: this.floppy, interface: "floppy", readonly: true }] as const;
    return { accel: "tcg", memoryMiB: 16, drives, ...more };
  }

  /** Launches the guest that obeys, and waits until it does. */
  async obedient(more: VmConfig = {}, options: LaunchOptions = {}): Promise<Vm> {
    const vm = await launch(this.config(more), options);
    await vm.console?.expect("READY\n", { timeoutMs: LIMIT_MS });
    return vm;
  }

  /** The run directories that are there. */
  async runDirs(): Promise<string[]> {
    try {
      return (await Array.fromAsync(Deno.readDir(`${this.dir}/qeeper`))).map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.runDirs();
    if (this.#runtimeBefore === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", this.#runtimeBefore);
    await Deno.remove(this.dir, { recursive: true });
    assertEquals(left, [], "run directories were left behind");
  }
}

/** One of a VM's control-mode monitors. */
export function qmpOf(vm: Vm, id: string): QmpClient {
  const monitor = vm.monitors.get(id);
  assert(monitor instanceof QmpClient, `there is no QMP monitor "${id}"`);
  return monitor;
}

/** Waits for a promise, and fails when that takes too long. */
export function soon<T>(promise: Promise<T>, ms: number = LIMIT_MS): Promise<T> {
  return deadline(promise, ms);
}

/** The next item of a stream, which has to come. */
export async function nextOf<T>(stream: AsyncIterator<T>): Promise<T> {
  const { value, done } = await soon(stream.next());
  assert(!done, "the stream has ended");
  return value;
}

/** Whether a process runs: it is not gone, and not only a zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  return !["gone", "Z", "X"].includes(await processState(pid));
}

/** The state of a process as `/proc` has it (`R`, `S`, `T`, `Z`...), or `gone`. */
export async function processState(pid: number): Promise<string> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The name before it may hold anything, a closing bracket too.
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch (error) {
    // A process may also go while it is read (ESRCH).
    if (
      error instanceof Deno.errors.NotFound || (error instanceof Error && /os error 3\b/.test(error.message))
    ) {
      return "gone";
    }
    throw error;
  }
}

/** Waits until a process is in one of these states. Nothing tells of that, so it is looked at again and again. */
export async function untilState(pid: number, states: readonly string[]): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  let state = await processState(pid);
  while (!states.includes(state)) {
    assert(performance.now() < untilMs, `process ${pid} is ${state}, not ${states.join(" or ")}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    state = await processState(pid);
  }
}

/** The processes whose command line holds a text. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if ((await Deno.readTextFile(`/proc/${name}/cmdline`)).includes(text)) found.push(Number(name));
    } catch {
      // It has gone meanwhile.
    }
  }
  return found;
}
