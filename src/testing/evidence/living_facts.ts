import { readTextScreen } from "../screen/text_screen.ts";
import { QmpTimeoutError } from "../../qmp/mod.ts";
import type { StatusInfo } from "../../qmp/mod.ts";
import type { Vm, VmCallOptions } from "../../vm/mod.ts";

/**
 * What evidence needs of a VM: any `Vm` has it, and whatever passes on its calls.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import type { EvidenceVm } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const known: EvidenceVm = vm;
 * assertEquals(known.name, "vm");
 * ```
 */
export type EvidenceVm =
  & Pick<Vm, "name" | "pid" | "argv" | "runDir" | "stderrTail" | "qmp" | "stopped">
  & { hmp(command: string, options?: VmCallOptions): Promise<string> }
  & { status(options?: VmCallOptions): Promise<StatusInfo> }
  & { screenshot(options?: VmCallOptions): Promise<Uint8Array> }
  & { readonly console: { readonly transcript: string } | null };

/** What QEMU itself can still be asked. */
export interface LivingFacts {
  readonly status: string | null;
  readonly version: string | null;
  readonly registers: string | null;
  /** What QEMU says of the machine's parts. */
  readonly machine: string | null;
  readonly screenshot: Uint8Array | null;
  readonly missing: readonly { readonly what: string; readonly why: string }[];
}

/** What is asked of the machine, beside the registers. */
const MACHINE_QUESTIONS = [
  "info status",
  "info block",
  "info network",
  "info chardev",
  "info pci",
  "info mtree -f",
];
const MAX_ANSWER_CHARS = 128 * 1024;

/**
 * Asks QEMU what only a living one can tell. Each question has its time limit, and after one that is not answered the others aren't asked: a QEMU
 * that hangs costs one limit.
 *
 * @param vm The VM; one whose monitor has ended is not asked.
 * @param timeoutMs The limit of each question.
 * @returns What it said, and what could not be had.
 */
export async function askLiving(vm: EvidenceVm, timeoutMs: number): Promise<LivingFacts> {
  const missing: { what: string; why: string }[] = [];
  let silent: string | null = vm.qmp.open ? null : "QEMU had gone";
  const ask = async <T>(what: string, question: () => Promise<T>): Promise<T | null> => {
    if (silent === null) {
      try {
        return await question();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        missing.push({ what, why });
        if (error instanceof QmpTimeoutError) {
          silent = `it was not asked for, since QEMU had not answered for ${timeoutMs} ms`;
        }
        // The connection may have ended in the middle.
        if (!vm.qmp.open) silent = "QEMU had gone";
        return null;
      }
    }
    missing.push({ what, why: silent });
    return null;
  };
  const options = { timeoutMs };
  const status = await ask("The guest's state", () => vm.status(options));
  const registers = await ask("The processors' registers", () => vm.hmp("info registers -a", options));
  const screenshot = await ask("The screen", () => vm.screenshot(options));
  const machine = await ask("The machine's parts", async () => {
    let text = "";
    for (const question of MACHINE_QUESTIONS) {
      text += `# ${question}\n${(await vm.hmp(question, options)).replaceAll("\r\n", "\n")}\n`;
      if (text.length > MAX_ANSWER_CHARS) return text.slice(0, MAX_ANSWER_CHARS) + "\n...\n";
    }
    return text;
  });
  return {
    status: status?.status ?? null,
    version: versionOf(vm),
    registers: registers?.replaceAll("\r\n", "\n").slice(0, MAX_ANSWER_CHARS) ?? null,
    machine,
    screenshot,
    missing,
  };
}

/**
 * Reads the text of a screen. Ask for it last: for a moment the guest is stopped, which it tells everybody.
 *
 * @param vm The VM.
 * @param living What it said before: one that has not answered, or has no screen, is not asked.
 * @param timeoutMs The limit of each question.
 * @returns The text; null where there is none, or it can't be had: there is a picture of it then.
 */
export async function askScreenText(
  vm: EvidenceVm,
  living: LivingFacts,
  timeoutMs: number,
): Promise<string | null> {
  if (living.screenshot === null || living.machine === null) return null;
  try {
    const { text } = await readTextScreen(vm, { timeoutMs });
    return text.trim() === "" ? null : text.trimEnd();
  } catch {
    return null;
  }
}

function versionOf(vm: EvidenceVm): string | null {
  try {
    const { qemu, package: build } = vm.qmp.greeting.version;
    return `${qemu.major}.${qemu.minor}.${qemu.micro}${build === "" ? "" : ` (${build})`}`;
  } catch {
    return null;
  }
}
