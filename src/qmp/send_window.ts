/**
 * Which commands are on the wire. QEMU queues 8 commands a monitor and then stops reading, out-of-band ones included;
 * so at most 7 in-band commands are in flight, the rest wait here in order, and out-of-band commands go at once.
 *
 * An id names a place in flight. Ids are small integers, used again as soon as their reply has come, because QEMU reads its
 * input byte by byte and each byte costs time. A call that was abandoned keeps its id until its late reply comes, so that the
 * reply can't be taken for another's.
 */
export class SendWindow<Call> {
  readonly #limit: number;
  readonly #waiting: Call[] = [];
  /** In-band places below `#limit`, out-of-band ones from `#limit` on. */
  readonly #places: (Call | undefined)[];
  readonly #free: number[] = [];
  #inBand = 0;
  /** A call whose id was not given by the window. */
  #named: { id: number; call: Call } | null = null;

  /** @param limit How many in-band commands may be in flight. */
  constructor(limit = 7) {
    this.#limit = limit;
    this.#places = new Array<Call | undefined>(limit).fill(undefined);
    for (let id = limit - 1; id >= 0; id--) this.#free.push(id);
  }

  /** Takes a place for an in-band call, or `null` when it has to wait (it is then in the queue). */
  enter(call: Call): number | null {
    if (this.#waiting.length > 0) {
      this.#waiting.push(call);
      return null;
    }
    const id = this.#free.pop();
    if (id === undefined) {
      this.#waiting.push(call);
      return null;
    }
    this.#places[id] = call;
    this.#inBand++;
    return id;
  }

  /** Takes a place for an out-of-band call; there always is one. */
  enterOutOfBand(call: Call): number {
    let id = this.#limit;
    while (this.#places[id] !== undefined) id++;
    this.#places[id] = call;
    return id;
  }

  /** Puts one call in flight under an id of its own, larger than any place's. */
  enterAs(id: number, call: Call): void {
    this.#named = { id, call };
  }

  /** Whose place an id names; `undefined` when nobody has it. */
  at(id: unknown): Call | undefined {
    if (typeof id !== "number") return undefined;
    return this.#places[id] ?? (this.#named?.id === id ? this.#named.call : undefined);
  }

  /** Gives up the place of a reply's id and says whose it was; `undefined` when nobody waits for that id. */
  leave(id: unknown): Call | undefined {
    const call = this.at(id);
    if (typeof id !== "number" || call === undefined) return undefined;
    if (this.#named?.id === id) {
      this.#named = null;
      return call;
    }
    this.#places[id] = undefined;
    if (id < this.#limit) {
      this.#free.push(id);
      this.#inBand--;
    }
    return call;
  }

  /** The next waiting call and its new id, if there is room for one. */
  next(): { id: number; call: Call } | null {
    if (this.#inBand >= this.#limit) return null;
    const call = this.#waiting.shift();
    if (call === undefined) return null;
    const id = this.#free.pop() as number;
    this.#places[id] = call;
    this.#inBand++;
    return { id, call };
  }

  /** Takes a call out of the queue; `false` when it was not waiting any more. */
  withdraw(call: Call): boolean {
    const at = this.#waiting.indexOf(call);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  /** Empties the window: every call that was in flight, by its id, and then those that were waiting, in order. */
  clear(): Call[] {
    const calls = [...this.#places.filter((call) => call !== undefined), ...this.#waiting];
    if (this.#named) calls.unshift(this.#named.call);
    this.#named = null;
    this.#places.fill(undefined);
    this.#waiting.length = 0;
    this.#free.length = 0;
    for (let id = this.#limit - 1; id >= 0; id--) this.#free.push(id);
    this.#inBand = 0;
    return calls;
  }
}
