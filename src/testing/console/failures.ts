import { consolePieces } from "./kernel_lines.ts";
import { FailureWatch } from "./failure_watch.ts";
import { PlainText } from "./plain_text.ts";

/**
 * What is known to have gone wrong when a guest says certain words on its console.
 *
 * - `kernel-panic`: Linux has given up;
 * - `oops`: a fault in the kernel itself (a null pointer, a bad page, an invalid instruction);
 * - `bug`: the kernel has found something that can't be (`kernel BUG at`, `BUG: KASAN`, `BUG: scheduling while atomic`);
 * - `lockup`: a processor has been kept busy by the kernel for too long;
 * - `hung-task`: a program has been in the kernel for too long without being able to go on;
 * - `out-of-memory`: the kernel has killed a program for want of memory (in a control group of its own that does not count);
 * - `emergency-shell`: systemd or dracut have given up the boot and ask for somebody's help;
 * - `initramfs-shell`: the initramfs has not found the root file system;
 * - `no-bootable-device`: the firmware has found nothing to boot (SeaBIOS, edk2's OVMF and its shell);
 * - `boot-loader-rescue`: GRUB has not found its files.
 *
 * @example
 * ```ts
 * import { classifyConsole, type FailureName } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const nothingToBoot: FailureName = "no-bootable-device";
 * assertEquals(classifyConsole("No bootable device.\n")?.name, nothingToBoot);
 * ```
 */
export type FailureName =
  | "kernel-panic"
  | "oops"
  | "bug"
  | "lockup"
  | "hung-task"
  | "out-of-memory"
  | "emergency-shell"
  | "initramfs-shell"
  | "no-bootable-device"
  | "boot-loader-rescue";

/** How one kind of failure is known. */
export interface FailureClassifier {
  /** Its name. */
  readonly name: FailureName;
  /** What has happened, as the beginning of a sentence. */
  readonly title: string;
  /** Who says it: the kernel in its log, or anything else (firmware, boot loader, first process) on a line of its own. */
  readonly source: "kernel" | "console";
  /** How the line begins that says it, without the kernel's time. */
  readonly line: RegExp;
  /**
   * For a kernel: how the line begins where the kernel writes no time before it, and a program may have written it. So this has to be more
   * than a word.
   */
  readonly bare?: RegExp;
  /** A line of the kernel's log before it which belongs to it, and may be this many lines back. */
  readonly lead?: { readonly line: RegExp; readonly within: number };
}

/**
 * The failures that are known, those that mean most first. The words are those of the programs themselves: Linux 6.1's `kernel/panic.c`,
 * `arch/x86/mm/fault.c`, `kernel/hung_task.c`, `kernel/watchdog.c`, `mm/oom_kill.c`; systemd's `emergency.service` and util-linux's
 * `sulogin`; the initramfs of Debian, dracut, Arch, Alpine and NixOS; SeaBIOS's `boot.c`; edk2's `BdsDxe`; GRUB.
 */
export const FAILURE_CLASSIFIERS: readonly FailureClassifier[] = [
  {
    name: "kernel-panic",
    title: "The guest panicked",
    source: "kernel",
    line: /^Kernel panic - not syncing\b/,
    bare: /^Kernel panic - not syncing: /,
  },
  {
    name: "lockup",
    title: "A processor of the guest is locked up in its kernel",
    source: "kernel",
    line:
      /^(?:(?:NMI )?watchdog: )?(?:BUG: (?:soft lockup|workqueue lockup) - |Watchdog detected hard LOCKUP on cpu )/,
    bare: /^(?:(?:NMI )?watchdog: )?(?:BUG: soft lockup - CPU#\d|Watchdog detected hard LOCKUP on cpu \d)/,
  },
  {
    name: "oops",
    title: "The guest's kernel had an oops",
    source: "kernel",
    line:
      /^(?:BUG: (?:unable to handle |kernel NULL pointer dereference)|Unable to handle kernel |Oops: |general protection fault[,:] |[A-Za-z].{0,120}: [0-9a-f]{1,16} \[#\d+\](?: |$))/,
    bare:
      /^(?:BUG: (?:unable to handle (?:page fault|kernel) |kernel NULL pointer dereference, address: )|Unable to handle kernel (?:NULL pointer|paging request|access) |(?:Internal error: )?Oops(?:: Oops)?: [0-9a-f]{1,16} \[#\d+\])/,
  },
  {
    name: "bug",
    title: "The guest's kernel found a bug in itself",
    source: "kernel",
    line: /^(?:kernel BUG at |BUG: )/,
    bare:
      /^(?:kernel BUG at \S+:\d+!|BUG: (?:KASAN|KFENCE|KCSAN): |BUG: (?:scheduling while atomic: |sleeping function called from invalid context at |Bad page state in process |Bad rss-counter state ))/,
    lead: { line: /^(?:-+\[ cut here \]-+|=+)$/, within: 1 },
  },
  {
    name: "out-of-memory",
    title: "The guest ran out of memory",
    source: "kernel",
    line: /^Out of memory: Kill(?:ed)? process \d+ /,
    bare: /^Out of memory: Kill(?:ed)? process \d+ \(/,
    lead: { line: /^\S.* invoked oom-killer: /, within: 200 },
  },
  {
    name: "hung-task",
    title: "A program hangs in the guest's kernel",
    source: "kernel",
    line: /^INFO: task .{1,64} blocked (?:in I\/O wait )?for more than \d+ seconds/,
    bare: /^INFO: task \S{1,64}:\d+ blocked (?:in I\/O wait )?for more than \d+ seconds/,
  },
  {
    name: "emergency-shell",
    title: "The guest gave up its boot and opened an emergency shell",
    source: "console",
    line:
      /^(?:You are in emergency mode\.? |Welcome to emergency mode!|Entering emergency mode\. Exit the shell to continue|Give root password for (?:system )?maintenance|Cannot open access to console, the root account is locked)/m,
  },
  {
    name: "initramfs-shell",
    title: "The guest did not find its root file system and opened a shell in its initramfs",
    source: "console",
    line:
      /^(?:\(initramfs\) |dracut:\/# |You are now being dropped into an emergency shell|initramfs emergency recovery shell launched|An error occurred in stage 1 of the boot process)/m,
  },
  {
    name: "no-bootable-device",
    title: "The guest's firmware found nothing to boot",
    source: "console",
    line:
      /^(?:No bootable device\.|BdsDxe: No bootable option or device was found|BdsDxe: starting Boot[0-9A-F]{4} "(?:EFI Internal|UEFI) Shell")/m,
  },
  {
    name: "boot-loader-rescue",
    title: "The guest's boot loader did not find its files",
    source: "console",
    line: /^grub rescue> /m,
  },
];

/**
 * Which of the known failures to look for: `false` for none, or by name; those that are not named are looked for.
 *
 * @example
 * ```ts
 * import { classifyConsole, type FailureSwitches } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const switches: FailureSwitches = { "initramfs-shell": false };
 * assertEquals(classifyConsole("(initramfs) ", switches), null);
 * ```
 */
export type FailureSwitches = false | Readonly<Partial<Record<FailureName, boolean>>>;

/**
 * The classifiers that are switched on.
 *
 * @param switches Which ones are not.
 * @returns Those that are left, in the table's order.
 */
export function enabledClassifiers(switches: FailureSwitches = {}): readonly FailureClassifier[] {
  return switches === false ? [] : FAILURE_CLASSIFIERS.filter(({ name }) => switches[name] !== false);
}

/**
 * What a guest said when it failed.
 *
 * @example
 * ```ts
 * import { type ClassifiedFailure, classifyConsole } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const failure: ClassifiedFailure | null = classifyConsole("error: no such partition.\ngrub rescue> ");
 * assertEquals(failure?.text, "error: no such partition.\ngrub rescue> ");
 * ```
 */
export interface ClassifiedFailure {
  /** What kind of failure it is. */
  readonly name: FailureName;
  /** The line that says it. */
  readonly line: string;
  /** Everything that belongs to it: the whole oops, with the kernel's times. */
  readonly text: string;
}

/**
 * Looks for a known failure in what a guest has said on its console. A sentence with such words in it is none: they have to begin a line
 * and, once the kernel has written a time before any of its lines, the kernel's own have to come with one.
 *
 * @param text What the guest said, with its escape sequences and line ends.
 * @param switches Which failures not to look for.
 * @returns The first failure, and all that belongs to it; null when there is none. A panic after an oops is a panic.
 *
 * @example
 * ```ts
 * import { classifyConsole } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const said = "[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n[    1.500100] CPU: 0\r\n";
 * assertEquals(classifyConsole(said)?.name, "kernel-panic");
 * assertEquals(classifyConsole("panic: runtime error: index out of range\n"), null); // a program's own
 * ```
 */
export function classifyConsole(text: string, switches: FailureSwitches = {}): ClassifiedFailure | null {
  const watch = new FailureWatch(enabledClassifiers(switches));
  const plain = new PlainText();
  for (const piece of consolePieces(text)) {
    if (piece.kind === "kernel") watch.kernelLine(piece);
    else for (const slice of plain.push(piece.text)) watch.wholeText(slice.text);
  }
  for (const slice of plain.end()) watch.wholeText(slice.text);
  return watch.take();
}
