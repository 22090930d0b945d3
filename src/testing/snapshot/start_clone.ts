import { abortable } from "@std/async/abortable";
import type { VmConfig } from "../../machine/mod.ts";
import type { Logger } from "../../qmp/mod.ts";
import { launch, type Vm } from "../../vm/mod.ts";
import { qemuVersion } from "./build_template.ts";
import type { Restored } from "../evidence/shell_line.ts";
import { CloneFiles, copiesForClone, copyForClone, TemplateFiles } from "./clone_files.ts";
import { loadState, TemplateRefusedError } from "./load_state.ts";
import { bootConfig, cloneConfig, type Memory } from "./template_config.ts";
import { type HeldTemplate, TemplateStore } from "./template_store.ts";
import type { StartingVm } from "./vm_maker.ts";

/** How long the guest agent may take to set the clock, in milliseconds. */
const SET_CLOCK_MS = 10_000;
/** A state of no more than this is read at once: it is sent to QEMU in one piece. */
const SMALL_STATE_BYTES = 16 * 1024 * 1024;

/** What a clone is started from. */
export interface RestoreRequest<T extends AsyncDisposable> {
  readonly held: HeldTemplate;
  readonly config: VmConfig;
  readonly starting: StartingVm<T>;
  readonly clock: "host" | "template";
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger;
}

/**
 * Starts a clone of a template: the guest goes on from where the template was saved, with memory and disks of its own.
 *
 * @param request The template, of which the clone keeps hold until its QEMU has ended; it is let go of if this fails.
 * @returns What the caller gets.
 * @throws {TemplateRefusedError} When QEMU does not take the template.
 */
export async function restoreClone<T extends AsyncDisposable>(request: RestoreRequest<T>): Promise<T> {
  const { held, config, starting, signal } = request;
  const { manifest } = held;
  let dir: string | null = null;
  let vm: Vm | null = null;
  let restored: Restored;
  const letGo = () => {
    held[Symbol.dispose]();
    if (dir !== null) removeDir(dir);
  };
  try {
    dir = await TemplateStore.makeCloneDir(held);
    const files = new CloneFiles(dir);
    const copies = copiesForClone(config, new TemplateFiles(held.dir), files);
    await copyForClone(copies);
    const content = manifest.state.bytes > SMALL_STATE_BYTES
      ? null
      : await Deno.readFile(manifest.state.path);
    const { memory } = manifest;
    restored = {
      state: manifest.state.path,
      memory: memory.way === "memory" ? "kept" : "included",
      ownDir: dir,
      copies: copies.map(({ of, to }) => ({ of, name: to.slice(to.lastIndexOf("/") + 1) })),
    };
    const mapped: Memory = memory.way === "memory"
      ? { kind: "private", file: memory.ram.path }
      : { kind: "own" };
    vm = await launch(cloneConfig(config, files, mapped), { ...starting.launch, paused: true });
    // Once QEMU has ended, and before anybody who waits for that is told: nothing is left to be waited for.
    vm.stopped.then(letGo);
    const qemu = qemuVersion(vm);
    if (qemu !== manifest.qemu) {
      throw new TemplateRefusedError(`It was made by QEMU ${manifest.qemu}, and this is QEMU ${qemu}`);
    }
    await loadState(vm, {
      ...{ file: manifest.state.path, content, signal },
      memory: restored.memory,
      read: memory.way === "memory" ? "unix" : memory.read,
    });
  } catch (error) {
    if (vm === null) letGo();
    else await vm[Symbol.asyncDispose]();
    throw error;
  }
  return await goOn(vm, restored, request, starting);
}

/**
 * Boots and prepares a VM as a clone, where there is no template.
 *
 * @param config The config.
 * @param storeDir A folder for the files that it needs.
 * @param starting The VM that is to be.
 * @param prepare Prepares it.
 * @returns What the caller gets.
 */
export async function bootClone<T extends AsyncDisposable>(
  config: VmConfig,
  storeDir: string,
  starting: StartingVm<T>,
  prepare: (vm: T) => Promise<void>,
): Promise<T> {
  const vars = config.firmware?.vars;
  const own = `${storeDir}/vars-${crypto.randomUUID().slice(0, 13)}.fd`;
  if (vars !== undefined) {
    await Deno.copyFile(vars, own);
    await Deno.chmod(own, 0o600);
  }
  let vm: Vm;
  try {
    vm = await launch(bootConfig(config, own), { ...starting.launch, paused: true });
  } catch (error) {
    if (vars !== undefined) removeDir(own);
    throw error;
  }
  if (vars !== undefined) vm.stopped.then(() => removeDir(own));
  const test = starting.wrap(vm);
  const { signal } = starting.launch;
  try {
    await vm.resume(signal ? { signal } : {});
    await (signal ? abortable(prepare(test), signal) : prepare(test));
    if (starting.paused) await vm.pause();
    return test;
  } catch (error) {
    await test[Symbol.asyncDispose]();
    throw error;
  }
}

/** From here on the VM is the caller's, with all that the guest says. */
async function goOn<T extends AsyncDisposable>(
  vm: Vm,
  restored: Restored,
  { clock, signal, logger }: RestoreRequest<T>,
  starting: StartingVm<T>,
): Promise<T> {
  const test = starting.wrap(vm, restored);
  try {
    if (starting.paused) return test;
    await vm.resume(signal ? { signal } : {});
    if (clock === "host" && vm.agent !== null) await setClock(vm, signal, logger);
    return test;
  } catch (error) {
    await test[Symbol.asyncDispose]();
    throw error;
  }
}

/** The guest's own clock went on from when the template was saved. */
async function setClock({ agent }: Vm, signal: AbortSignal | undefined, logger: Logger): Promise<void> {
  try {
    const time = BigInt(Date.now()) * 1_000_000n;
    await agent?.execute("guest-set-time", { time }, {
      timeoutMs: SET_CLOCK_MS,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    logger.warn(
      "The guest agent did not set a clone's clock, which goes on from when the template was made",
      {
        error,
      },
    );
  }
}

/** Best effort: what stays is cleared away with the next fixture. */
function removeDir(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is not worth a test's failure.
  }
}
