/**
 * A test kit: real QEMU inside `Deno.test`.
 *
 * - {@linkcode bootVm} boots a VM for a test: it ends with the scope, and whatever the test waits for, it is told at once when the guest
 *   panics or QEMU dies. {@linkcode guestTest} is a `Deno.test` whose failures, of whatever kind, leave evidence of its VMs.
 * - {@linkcode snapshotFixture} boots once, and restores a copy for each test.
 * - {@linkcode linuxGuest}, {@linkcode cloudImage} and {@linkcode tinyGuests} are guests to test with.
 * - {@linkcode GuestConsole}, {@linkcode GuestCommands} and {@linkcode createFaults} are what a {@linkcode TestVm} is made of, for
 *   VMs that no test owns; {@linkcode FakePeer} is a QMP server without a QEMU.
 *
 * The tiny guests are pure bytes. Wrap them for the way in which QEMU starts them: {@linkcode rom} for `-bios` (fastest, no BIOS),
 * {@linkcode bootSector} for a floppy, {@linkcode diskImage} for a hard disk.
 *
 * What this does not do: run tests (`deno test` does, with its reporters), or know a picture's text (only that of a screen in text mode).
 *
 * @example What a test's body is made of, with the firmware that obeys letters on its serial port
 * ```ts
 * import { bootVm, rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * await using vm = await bootVm({ accel: "tcg", firmware: { bios } });
 * await vm.console.expect("READY");
 * const verdict = await vm.expectEnd("guest-panic", () => vm.console.write("X"));
 * assertEquals(verdict.process, "held");
 * await Deno.remove(bios);
 * ```
 *
 * @module
 */
export { assemble16, type Assemble16Options } from "./guests/asm16.ts";
export { bootSector, diskImage, rom } from "./guests/boot_images.ts";
export {
  type CloudImage,
  cloudImage,
  CloudImageError,
  type CloudImageOptions,
} from "./guests/cloud_image.ts";
export { demoDisk, demoGuest } from "./guests/demo_guest.ts";
export { linuxConfig, type LinuxConfigOptions } from "./guests/linux_config.ts";
export {
  type LinuxGuest,
  linuxGuest,
  LinuxGuestError,
  type LinuxGuestOptions,
} from "./guests/linux_guest.ts";
export { packIso } from "./guests/iso9660.ts";
export { type CloudSeed, seedFiles } from "./guests/nocloud_seed.ts";
export { type CpioEntry, packNewc, unpackNewc } from "./guests/newc.ts";
export type { TinyGuest } from "./guests/tiny_guest.ts";
export { type TinyGuests, tinyGuests } from "./guests/tiny_guests.ts";
export { uni, type UniCommands, uniCommands, type UniDiskCommands, unirom } from "./guests/unirom.ts";
export { createFaults } from "./faults/create_faults.ts";
export type { ClockWay } from "./faults/clock_jump.ts";
export type { Flood, FloodOptions } from "./faults/console_flood.ts";
export type { DiskFailure } from "./faults/disk_faults.ts";
export type { DiskLimits } from "./faults/disk_limits.ts";
export { Fault, FaultError, type FaultKind, type FaultReport } from "./faults/fault.ts";
export type { Faults, FaultsOptions } from "./faults/faults.ts";
export type { GuestPanic, PanicWay } from "./faults/guest_faults.ts";
export type { GuestShell } from "./faults/scene.ts";
export type { BootOptions, WrapOptions } from "./boot/boot_options.ts";
export { bootVm } from "./boot/boot_vm.ts";
export type { EvidenceWish } from "./boot/evidence_keeper.ts";
export { GuestFailedError } from "./boot/guest_failed_error.ts";
export { guestTest, guestTestDefinition, type GuestTestOptions } from "./boot/guest_test.ts";
export type { GuestOfTest, GuestReport, GuestTestContext, TestOutcome } from "./boot/guest_test_context.ts";
export type { RunPortWish } from "./boot/test_config.ts";
export type { ExpectEndOptions, GuestMouse, TestVm } from "./boot/test_vm.ts";
export { wrapVm } from "./boot/wrap_vm.ts";
export { cleanTranscript } from "./console/clean_transcript.ts";
export type {
  GuestConsoleOptions,
  GuestExpectOptions,
  TypedInput,
  TypeLineOptions,
} from "./console/console_options.ts";
export {
  ConsoleEchoError,
  type ConsoleFailure,
  ConsoleFailureError,
  type ConsoleFailureReason,
} from "./console/errors.ts";
export type { ConsoleChannel } from "./console/expectations.ts";
export {
  type ClassifiedFailure,
  classifyConsole,
  type FailureName,
  type FailureSwitches,
} from "./console/failures.ts";
export { GuestConsole } from "./console/guest_console.ts";
export type { Secret } from "./console/redaction.ts";
export {
  GuestFileError,
  type RunChannelAbsence,
  RunChannelError,
  RunError,
  type RunErrorKind,
  RunFailedError,
  RunInterruptedError,
  RunTimeoutError,
} from "./run/errors.ts";
export {
  type CommandableVm,
  GuestCommands,
  type GuestCommandsOptions,
  runChannelOf,
  runInGuest,
} from "./run/guest_commands.ts";
export { type RunPortOptions, withRunPort } from "./run/run_port.ts";
export { type RunEnd, RunResult } from "./run/run_result.ts";
export type { CopyInOptions, CopyOptions, RunChannel, RunOptions, RunOutput } from "./run/run_types.ts";
export { SnapshotError } from "./snapshot/snapshot_error.ts";
export { type CloneOptions, type SnapshotFixture, snapshotFixture } from "./snapshot/snapshot_fixture.ts";
export type {
  SnapshotHow,
  SnapshotOptions,
  SnapshotProgress,
  SnapshotStep,
  SnapshotWay,
} from "./snapshot/snapshot_types.ts";
export type { PeerCommand } from "./peer/command.ts";
export type { PeerDelivery } from "./peer/delivery.ts";
export { PeerEndedError, PeerScriptError } from "./peer/errors.ts";
export {
  FakePeer,
  type FakePeerOptions,
  type MemoryPeer,
  memoryPeer,
  scriptedPeer,
} from "./peer/fake_peer.ts";
export { PeerConnection, type PeerWaitOptions } from "./peer/peer_connection.ts";
export { qemuScript, type QemuScriptOptions } from "./peer/qemu_script.ts";
export type {
  PeerAnswer,
  PeerAnswers,
  PeerAnswerStep,
  PeerEventStep,
  PeerScript,
  PeerStep,
} from "./peer/script.ts";
export type { PeerGreeting, PeerMessage } from "./peer/wire.ts";
export { collectEvidence, type CollectOptions } from "./evidence/collect.ts";
export type { EvidenceVm } from "./evidence/living_facts.ts";
export { EvidenceRecord, type EvidenceRecordOptions } from "./evidence/record.ts";
export { compareImages, type CompareOptions, type ImageComparison } from "./screen/compare_images.ts";
export {
  expectScreen,
  type ExpectScreenOptions,
  type PictureKeeper,
  ScreenMismatchError,
  type ScreenVm,
} from "./screen/expect_screen.ts";
export { Film, type FilmFrame, type FilmOptions } from "./screen/film.ts";
export type { Image, Region } from "./screen/image.ts";
export { type KeyboardOptions, pressKeys, typeText } from "./screen/keyboard.ts";
export { clickMouse, type MouseButton, moveMouse, moveMouseBy, type PointedVm } from "./screen/mouse.ts";
export { decodePng, encodePng } from "./screen/png.ts";
export {
  expectScreenText,
  type ExpectScreenTextOptions,
  readTextScreen,
  ScreenTextTimeoutError,
  type TextScreen,
  TextScreenError,
} from "./screen/text_screen.ts";
