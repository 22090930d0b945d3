/**
 * A template could not be made or used, for a reason that a boot would not help. What a boot does help is no error: the fixture then boots
 * each clone, and {@linkcode SnapshotFixture.how} says why.
 *
 * @example
 * ```ts
 * import { SnapshotError, snapshotFixture } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const fixture = snapshotFixture({ accel: "tcg", incoming: "defer" }, () => Promise.resolve());
 * await assertRejects(() => fixture.clone(), SnapshotError, "incoming");
 * ```
 */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}
