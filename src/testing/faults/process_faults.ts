import { abortable } from "@std/async/abortable";
import type { Verdict } from "../../vm/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { lookAtProcess } from "../../vm/proc.ts";
import type { Undo } from "./fault.ts";
import { type FaultScene, Obstacle, until } from "./scene.ts";

/**
 * Ends QEMU by a signal that nobody who supervises it knows of.
 *
 * @param scene Whose QEMU.
 * @param signal Which signal.
 * @returns The verdict, when QEMU has gone.
 */
export async function killQemu(scene: FaultScene, signal: Deno.Signal): Promise<Verdict> {
  const { vm, call } = scene;
  send(scene, signal);
  const ended = call.signal === undefined ? vm.stopped : abortable(vm.stopped, call.signal);
  if (await inTime(ended, call.timeoutMs)) return await vm.stopped;
  throw new Obstacle(
    `it did not end within ${call.timeoutMs} ms of ${signal}, which only SIGKILL makes sure of`,
  );
}

/**
 * Stops QEMU's whole process (SIGSTOP).
 *
 * @param scene Whose QEMU.
 * @returns Continues it.
 */
export async function freeze(scene: FaultScene): Promise<Undo> {
  const { vm } = scene;
  const pid = send(scene, "SIGSTOP");
  const thaw = async () => {
    send(scene, "SIGCONT");
    // Whoever answers runs; with all monitors lost only the kernel can say so.
    if (vm.qmp.open) await vm.qmp.execute("query-status", {}, { timeoutMs: scene.call.timeoutMs });
  };
  try {
    await until(scene, "its stop", async () => {
      const look = await lookAtProcess(pid);
      // Where this script may not look, the kernel's word that it has the signal has to do.
      return look === "not-permitted" || look === "none" || look.state === "T";
    });
  } catch (error) {
    if (!scene.ended()) send(scene, "SIGCONT");
    throw error;
  }
  return thaw;
}

/** Sends a signal to the QEMU that was launched, and to no other process. */
function send(scene: FaultScene, signal: Deno.Signal): number {
  const { pid } = scene.vm;
  if (pid === null) {
    throw new Obstacle("it was attached to, so its process is not known here; launch it in the test instead");
  }
  // From then on the pid may be somebody else's.
  if (scene.ended()) throw new Obstacle("it has ended already");
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Obstacle("it has ended already", { cause: error });
    if (error instanceof Deno.errors.NotCapable) {
      throw new Obstacle("this script may not send signals; run it with --allow-run, without a list", {
        cause: error,
      });
    }
    throw error;
  }
  return pid;
}
