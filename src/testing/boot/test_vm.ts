import type { Verdict, VerdictCause, Vm, VmCallOptions } from "../../vm/mod.ts";
import type { Faults } from "../faults/faults.ts";
import type { GuestConsole } from "../console/guest_console.ts";
import type { RunResult } from "../run/run_result.ts";
import type { ExpectScreenOptions } from "../screen/expect_screen.ts";
import type { Film, FilmOptions } from "../screen/film.ts";
import type { KeyboardOptions } from "../screen/keyboard.ts";
import type { MouseButton } from "../screen/mouse.ts";
import type { ExpectScreenTextOptions, TextScreen } from "../screen/text_screen.ts";
import type { CopyInOptions, CopyOptions, RunOptions } from "../run/run_types.ts";

/**
 * What `expectEnd` takes beside the cause and the action.
 *
 * @example
 * ```ts
 * import { bootVm, type ExpectEndOptions } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await bootVm({ accel: "tcg" }, { paused: true, evidence: "never" });
 * const options: ExpectEndOptions = { timeoutMs: 10 };
 * await assertRejects(() => vm.expectEnd("guest-shutdown", undefined, options), Error, "within 10 ms");
 * ```
 */
export interface ExpectEndOptions {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting after so many milliseconds. Default 60000. */
  timeoutMs?: number;
}

/**
 * The guest's mouse.
 *
 * @example
 * ```ts
 * import { bootVm, type GuestMouse } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await bootVm({ accel: "tcg" }, { evidence: "never" });
 * const mouse: GuestMouse = vm.mouse;
 * // A PC's own mouse is a relative one.
 * await assertRejects(() => mouse.move({ x: 10, y: 10 }), Error, "usb-tablet");
 * ```
 */
export interface GuestMouse {
  /** Puts the pointer to a place on the screen; takes an absolute pointer, such as a `usb-tablet`. */
  move(place: { x: number; y: number }, options?: VmCallOptions): Promise<void>;
  /** Moves the pointer by so much, as a mouse does. */
  moveBy(by: { x: number; y: number }, options?: VmCallOptions): Promise<void>;
  /** Clicks where the pointer is. */
  click(button?: MouseButton, options?: VmCallOptions): Promise<void>;
}

/**
 * A VM that belongs to a test. Whatever the test waits for, it is told at once when the guest panics, resets or powers itself off, or when
 * QEMU dies, unless it said that it wants that. What the VM's own calls throw names the folder with the evidence.
 *
 * Ends that the test brings about by `shutdown()`, `kill()`, `reset()`, `faults`, `expectEnd()`, or by disposing, are no failures. One that nobody
 * was told of is thrown when the VM is disposed of.
 *
 * @example
 * ```ts
 * import { bootVm, rom, type TestVm, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const greeting = async (vm: TestVm) => (await vm.console.expect(/(\w+)\n/)).groups[0];
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * await using vm = await bootVm({ accel: "tcg", firmware: { bios } });
 * assertEquals(await greeting(vm), "READY");
 * await Deno.remove(bios);
 * ```
 */
export interface TestVm extends Omit<Vm, "console"> {
  /**
   * The guest's serial console.
   *
   * @throws {TypeError} When the config has none.
   */
  readonly console: GuestConsole;
  /** Aborted with a `GuestFailedError` the moment the guest fails: for waits that are not the kit's, `fetch(url, { signal: vm.signal })`. */
  readonly signal: AbortSignal;
  /** What can be done to the VM on purpose; what comes of it is no failure. What still lasts is undone when the VM is disposed of. */
  readonly faults: Faults;
  /**
   * Runs a command in the guest, by its agent where the config has one, else over a port of its own (see `withRunPort`). A command that resets
   * its guest belongs into `expectEnd("guest-reset", ...)`; after it commands go on.
   *
   * @param command The command, for the guest's `sh -c`.
   * @param options Input, variables, directory, limits.
   * @returns How it ended, and what it wrote. An exit code other than 0 is a result as well.
   * @throws As `GuestCommands.run` does.
   */
  run(command: string, options?: RunOptions): Promise<RunResult>;
  /**
   * Writes a file in the guest.
   *
   * @param data Its contents.
   * @param guestPath Its path in the guest.
   * @param options Permissions, limits.
   * @throws As `GuestCommands.copyIn` does.
   */
  copyIn(data: Uint8Array | string, guestPath: string, options?: CopyInOptions): Promise<void>;
  /**
   * Reads a file of the guest.
   *
   * @param guestPath Its path in the guest.
   * @param options Limits.
   * @returns Its contents.
   * @throws As `GuestCommands.copyOut` does.
   */
  copyOut(guestPath: string, options?: CopyOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The guest's mouse. */
  readonly mouse: GuestMouse;
  /** Types a text on the guest's keyboard, as a person at a US keyboard does; `\n` is the enter key. */
  type(text: string, options?: KeyboardOptions): Promise<void>;
  /** Presses keys together: `ctrl-alt-delete`; several such strokes with spaces between them. */
  press(keys: string, options?: KeyboardOptions): Promise<void>;
  /**
   * Waits until the screen is as a picture has it.
   *
   * @param png The picture, as PNG, or its path.
   * @param options What may differ, which part counts, time limit (10 s) and signal.
   * @throws {ScreenMismatchError} When it is not so in time; the evidence has both pictures and their difference.
   */
  expectScreen(png: Uint8Array | string, options?: ExpectScreenOptions): Promise<void>;
  /**
   * Reads the text of a screen in text mode.
   *
   * @throws {TextScreenError} When the guest has no VGA, or it shows pictures.
   */
  screenText(options?: VmCallOptions): Promise<string>;
  /**
   * Waits until a screen in text mode says something.
   *
   * @throws {ScreenTextTimeoutError} When it does not in time.
   */
  expectScreenText(pattern: string | RegExp, options?: ExpectScreenTextOptions): Promise<TextScreen>;
  /** Takes pictures of the screen, one after the other, until it is stopped or the VM ends. Evidence has it as a picture that moves. */
  film(options?: FilmOptions): Film;
  /**
   * Waits for an end that the test wants, which thereby is no failure.
   *
   * @param cause Which end, or which ones.
   * @param action What brings it about; it starts when the wait is armed. Its signal is aborted when the end has come, or is given up.
   * @param options Time limit and signal.
   * @returns The verdict. Where `process` is `held` or `running`, QEMU is still there.
   * @throws {GuestFailedError} When the guest ends in another way.
   */
  expectEnd(
    cause: VerdictCause | readonly VerdictCause[],
    action?: (signal: AbortSignal) => Promise<unknown>,
    options?: ExpectEndOptions,
  ): Promise<Verdict>;
}
