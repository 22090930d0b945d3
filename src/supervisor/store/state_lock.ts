/** Sees to it that a state directory has one supervisor. */
export class StateLock implements AsyncDisposable {
  static take(_stateDir: string): Promise<StateLock> {
    throw new Error("Not there yet");
  }

  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("Not there yet");
  }
}
