/** What the guest's end of the port says. */
export type Frame =
  /** A plain shell reads the port. `question` is the number of the question that it answers. */
  | { readonly kind: "shell"; readonly session: string; readonly question: number }
  /** The program reads the port, has taken the session's name, and ran `last` at last in it; null for none. */
  | {
    readonly kind: "ready";
    readonly session: string;
    readonly question: number;
    readonly last: string | null;
  }
  /** A command has begun. */
  | { readonly kind: "begun"; readonly id: string }
  /** Bytes for the input have been stored, or not; with the last ones comes the SHA-1 of all, where the guest gives one. */
  | { readonly kind: "stored"; readonly id: string; readonly status: number; readonly sha1: string | null }
  | EndFrame
  | PollFrame;

/** A command has ended. */
export interface EndFrame {
  readonly kind: "ended";
  readonly id: string;
  /** `$?` of the command's shell. */
  readonly status: number;
  /** What the shell said at its own end: it exited, or could not enter its directory; null when it was killed, or became another program. */
  readonly how: "exited" | "no-directory" | null;
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
  /** The SHA-1 of both, one after the other, where the guest gives one. */
  readonly sha1: string | null;
}

/** What a command has written since it was asked last. */
export interface PollFrame {
  readonly kind: "polled";
  readonly id: string;
  /** Whether the command has ended, so that there is no more to come than what it has. */
  readonly state: "running" | "ended";
  /** How much of each output was known when it was asked for. */
  readonly from: readonly [stdout: number, stderr: number];
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** What is being read: lines, of which most may be garbage; bytes up to a mark; or bytes that were counted. */
type State =
  | { readonly kind: "lines" }
  | { readonly kind: "stdout"; readonly head: EndHead }
  | { readonly kind: "stderr"; readonly head: EndHead; readonly stdout: Uint8Array<ArrayBuffer> }
  | { readonly kind: "counted"; readonly frame: PollFrame; readonly counts: readonly [number, number] };

type EndHead = Pick<EndFrame, "id" | "status" | "how">;

/** What is no line at all is dropped at this size. */
const MAX_GARBAGE_BYTES = 64 * 1024;
const LF = 10;

/**
 * Finds frames in what comes from the port, however it is cut and whatever is between them. Of garbage inside a frame it
 * knows nothing: `reset` gives the frame up.
 */
export class FrameReader {
  #state: State = { kind: "lines" };
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  #length = 0;
  /** Up to where the mark has been looked for. */
  #searched = 0;

  /** Whether it is in the middle of a frame. */
  get inFrame(): boolean {
    return this.#state.kind !== "lines";
  }

  /** What has come of the outputs of the frame that is under way; null between frames. */
  get partial(): { stdout: Uint8Array<ArrayBuffer>; stderr: Uint8Array<ArrayBuffer> } | null {
    const rest = this.#buffer.slice(0, this.#length);
    if (this.#state.kind === "stdout") return { stdout: rest, stderr: new Uint8Array() };
    if (this.#state.kind === "stderr") return { stdout: this.#state.stdout, stderr: rest };
    return null;
  }

  /**
   * Takes what came.
   *
   * @param chunk Some bytes.
   * @returns The frames that are whole now.
   */
  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk);
    const frames: Frame[] = [];
    for (let more = true; more;) {
      const frame = this.#step();
      more = frame !== "need-more";
      if (frame !== "need-more" && frame !== null) frames.push(frame);
    }
    return frames;
  }

  /** Gives up the frame that is under way: its end will not come. */
  reset(): void {
    this.#state = { kind: "lines" };
    this.#length = 0;
    this.#searched = 0;
  }

  /** One line, or one part of a frame; null when it was no whole frame. */
  #step(): Frame | null | "need-more" {
    switch (this.#state.kind) {
      case "lines": {
        const end = this.#buffer.subarray(0, this.#length).indexOf(LF, this.#searched);
        if (end < 0) {
          this.#searched = this.#length;
          if (this.#length > MAX_GARBAGE_BYTES) this.#drop(this.#length);
          return "need-more";
        }
        return this.#line(new TextDecoder().decode(this.#take(end, 1)));
      }
      case "stdout": {
        const { head } = this.#state;
        const stdout = this.#upTo(`\nQM ${head.id}\n`);
        if (stdout === null) return "need-more";
        this.#state = { kind: "stderr", head, stdout };
        return null;
      }
      case "stderr": {
        const { head, stdout } = this.#state;
        const stderr = this.#upTo(`\nQF ${head.id} `, LF);
        if (stderr === null) return "need-more";
        const end = this.#buffer.subarray(0, this.#length).indexOf(LF);
        const sha1 = new TextDecoder().decode(this.#take(end, 1));
        this.#state = { kind: "lines" };
        return { kind: "ended", ...head, stdout, stderr, sha1: sha1 === "" ? null : sha1 };
      }
      case "counted": {
        const { frame, counts: [first, second] } = this.#state;
        if (this.#length < first + second) return "need-more";
        this.#state = { kind: "lines" };
        return { ...frame, stdout: this.#take(first, 0), stderr: this.#take(second, 0) };
      }
    }
  }

  #line(line: string): Frame | null {
    // A plain shell may write its prompt before its answer.
    const [, session, question] = /QS ([\w-]+):(\d+)\r?$/.exec(line) ?? [];
    if (session !== undefined) return { kind: "shell", session, question: Number(question) };
    const [word, id = "", ...rest] = line.replace(/\r$/, "").split(" ");
    if (!/^[\w-]+$/.test(id)) return null;
    const numbers = rest.filter((each) => /^\d+$/.test(each)).map(Number);
    switch (word) {
      case "QR":
        if (numbers[0] === undefined || rest.length !== 2) return null;
        return {
          kind: "ready",
          session: id,
          question: numbers[0],
          last: rest[1] === "-" ? null : rest[1] ?? null,
        };
      case "QB":
        return { kind: "begun", id };
      case "QA":
        if (!/^\d+$/.test(rest[0] ?? "") || rest.length !== 2) return null;
        return { kind: "stored", id, status: Number(rest[0]), sha1: rest[1] || null };
      case "QE": {
        const [status] = numbers;
        if (status === undefined || rest.length !== 2) return null;
        const how = rest[1] === "x" ? "exited" : rest[1] === "c" ? "no-directory" : null;
        this.#state = { kind: "stdout", head: { id, status, how } };
        return null;
      }
      case "QP": {
        const [from = 0, fromStderr = 0, first = 0, second = 0] = numbers;
        if (numbers.length !== 4 || rest.length !== 5) return null;
        const none = new Uint8Array();
        const state = rest[0] === "D" ? "ended" : "running";
        const known = [from, fromStderr] as const;
        const frame = { kind: "polled", id, state, from: known, stdout: none, stderr: none } as const;
        this.#state = { kind: "counted", frame, counts: [first, second] };
        return null;
      }
    }
    return null;
  }

  /** The bytes before a mark, and, where a byte is given, only once that has come behind it. */
  #upTo(mark: string, behind?: number): Uint8Array<ArrayBuffer> | null {
    const bytes = new TextEncoder().encode(mark);
    const whole = this.#buffer.subarray(0, this.#length);
    for (let at = whole.indexOf(LF, this.#searched); at >= 0; at = whole.indexOf(LF, at + 1)) {
      this.#searched = at;
      if (at + bytes.length > this.#length) return null;
      if (!bytes.every((byte, index) => whole[at + index] === byte)) continue;
      if (behind !== undefined && whole.indexOf(behind, at + bytes.length) < 0) return null;
      return this.#take(at, bytes.length);
    }
    this.#searched = this.#length;
    return null;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  /** Takes bytes off the front, and drops some behind them. */
  #take(count: number, dropped: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(0, count);
    this.#drop(count + dropped);
    return taken;
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#searched = 0;
  }
}
