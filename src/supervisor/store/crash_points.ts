/**
 * Every place at which a supervisor may die between two things that belong together. A test dies at each of them and shows that the next
 * supervisor goes on from what is there.
 */
export const CRASH_POINTS = [
  /** Nothing of the new record is there. */
  "record:before-write",
  /** Its temporary file is there, and may not be on the disk yet. */
  "record:before-fsync",
  /** Its temporary file is whole, and the old record still counts. */
  "record:before-rename",
  /** The new record counts, and the folder may not be on the disk yet. */
  "record:after-rename",
  /** The record of a guest that was removed is still there. */
  "record:before-remove",
  /** It is not. */
  "record:after-remove",
  /** The entry is not in the journal. */
  "journal:before-append",
  /** It is, and nobody was told. */
  "journal:after-append",
  /** The journal is full, and still has its name. */
  "journal:before-rotate",
  /** It has its new name, and there is no new one yet. */
  "journal:after-rotate",
  /** A run was decided and recorded; there is no QEMU yet. */
  "launch:before-spawn",
  /** There is a QEMU, and nothing says so but its command line. */
  "launch:after-spawn",
  /** A QEMU was found to be ours, and nobody has connected to it. */
  "adopt:before-connect",
  /** It is connected, and its record does not say so. */
  "adopt:after-connect",
] as const;

/** A named place at which a test lets a supervisor die. */
export type CrashPoint = typeof CRASH_POINTS[number];

/**
 * Is called at each crash point, and does not return where the process is to die there. It must be synchronous: what would run in the
 * meantime would blur the point.
 */
export type CrashHook = (point: CrashPoint) => void;

/** The hook of everybody who is no test. */
export const noCrash: CrashHook = () => {};
