import type { Path } from "./live_schema.ts";

/** JSON that ends where the cursor stands. */
export interface PartialJson {
  /** What is there so far. */
  readonly value: unknown;
  /** Where the cursor stands in it. */
  readonly path: Path;
  /** What may be written there, and what of it is written already; null where only punctuation may come, or all is closed. */
  readonly slot: { readonly kind: "key" | "value"; readonly text: string; readonly at: number } | null;
}

/**
 * Reads JSON that is still being typed.
 *
 * @param text Its beginning.
 * @returns What is there, and what may come next.
 */
export function readPartialJson(text: string): PartialJson {
  const reader = new Reader(text);
  const value = reader.readValue([]);
  return { value, path: reader.path, slot: reader.slot };
}

class Reader {
  path: Path = [];
  slot: PartialJson["slot"] = null;
  readonly #text: string;
  #at = 0;
  #state: "reading" | "ended" = "reading";

  constructor(text: string) {
    this.#text = text;
  }

  readValue(path: Path): unknown {
    const char = this.#next();
    if (char === undefined) return this.#end(path, "value", this.#at);
    if (char === "{") return this.#readObject(path);
    if (char === "[") return this.#readList(path);
    if (char === '"') return this.#readString(path, "value");
    const start = this.#at;
    const word = /^[^\s,:{}[\]"]*/.exec(this.#text.slice(start))?.[0] ?? "";
    this.#at += word.length;
    if (this.#at >= this.#text.length) return this.#end(path, "value", start);
    return word === "" ? this.#giveUp(path) : word;
  }

  #readObject(path: Path): unknown {
    const object: Record<string, unknown> = {};
    this.#at++;
    for (let first = true;; first = false) {
      const char = this.#next();
      if (char === "}" && first) break;
      const key = this.#readKey(path, char);
      if (key === undefined || !this.#pass(path, ":")) return object;
      const value = this.readValue([...path, key]);
      if (value !== undefined) {
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      }
      if (this.#state === "ended") return object;
      if (this.#next() === "}") break;
      if (!this.#pass(path, ",")) return object;
    }
    this.#at++;
    return object;
  }

  #readList(path: Path): unknown {
    const list: unknown[] = [];
    this.#at++;
    for (;;) {
      if (this.#next() === "]" && list.length === 0) break;
      const value = this.readValue([...path, list.length]);
      if (value !== undefined) list.push(value);
      if (this.#state === "ended") return list;
      if (this.#next() === "]") break;
      if (!this.#pass(path, ",")) return list;
    }
    this.#at++;
    return list;
  }

  #readKey(path: Path, char: string | undefined): string | undefined {
    if (char === '"') return this.#readString(path, "key");
    const start = this.#at;
    const rest = this.#text.slice(start);
    return /^[\w-]*$/.test(rest) ? this.#end(path, "key", start) : this.#giveUp(path);
  }

  #readString(path: Path, kind: "key" | "value"): string | undefined {
    const start = this.#at;
    const whole = /^"(?:[^"\\]|\\.)*"/s.exec(this.#text.slice(start))?.[0];
    if (whole === undefined) return this.#end(path, kind, start);
    this.#at += whole.length;
    try {
      return String(JSON.parse(whole));
    } catch {
      return whole.slice(1, -1);
    }
  }

  /** The next character that counts. */
  #next(): string | undefined {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    return this.#text[this.#at];
  }

  #pass(path: Path, char: string): boolean {
    const found = this.#next();
    if (found === char) this.#at++;
    else this.#giveUp(path);
    return found === char;
  }

  #end(path: Path, kind: "key" | "value", at: number): undefined {
    this.#state = "ended";
    this.path = path;
    this.slot = { kind, text: this.#text.slice(at), at };
  }

  #giveUp(path: Path): undefined {
    this.#state = "ended";
    this.path = path;
  }
}
