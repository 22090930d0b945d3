/** What a supervisor keeps on the disk could not be read, written or understood. */
export class StateError extends Error {
  override readonly name: string = "StateError";
  /** The file that it is about. */
  readonly path: string;

  /**
   * @param message What was attempted, what was found, and what to do.
   * @param path The file.
   * @param options The cause.
   */
  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** Another supervisor holds the state directory. */
export class StateLockedError extends StateError {
  override readonly name: string = "StateLockedError";
  /** The process that holds it; null when it did not say. */
  readonly holderPid: number | null;

  /**
   * @param message Who holds what, and what to do.
   * @param path The lock's file.
   * @param holderPid The holder.
   */
  constructor(message: string, path: string, holderPid: number | null) {
    super(message, path);
    this.holderPid = holderPid;
  }
}

/** A record was written by a newer program. */
export class NewerRecordError extends StateError {
  override readonly name: string = "NewerRecordError";
}

/** A record was to be written over one that is newer: two have taken themselves for the guest's keeper. */
export class StaleRecordError extends StateError {
  override readonly name: string = "StaleRecordError";
}
