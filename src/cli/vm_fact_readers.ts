/** A block device of a guest. */
export interface BlockFact {
  /** Its name: of the drive, else of its device in QEMU's tree. */
  device: string;
  /** Null when there is no medium in it. */
  file: string | null;
  format: string | null;
  sizeBytes: number | bigint | null;
  readonly: boolean;
  /** `ok`, `failed` or `nospace`; null where QEMU does not keep it. */
  ioStatus: string | null;
}

/** A network card, or what it is connected to. */
export interface NetworkFact {
  name: string;
  type: string;
  /** The card that a network belongs to; null for a card. */
  peer: string | null;
  /** The rest of what QEMU says of it. */
  details: string;
}

interface BlockInfo {
  device: string;
  qdev?: string;
  "io-status"?: string;
  inserted?: {
    ro: boolean;
    drv: string;
    file: string;
    image: { "virtual-size": number | bigint };
  };
}

/** Reads the reply of `query-block`. */
export function readBlock(reply: readonly BlockInfo[]): BlockFact[] {
  return reply.map(({ device, qdev, inserted, "io-status": ioStatus }) => ({
    device: device || qdev || "",
    file: inserted?.file ?? null,
    format: inserted?.drv ?? null,
    sizeBytes: inserted?.image["virtual-size"] ?? null,
    readonly: inserted?.ro ?? false,
    ioStatus: ioStatus ?? null,
  }));
}

/**
 * Reads what `info network` prints: cards at the start of the line, what they are connected to indented after a backslash.
 *
 * @param text The text.
 * @returns Cards and networks.
 */
export function readNetwork(text: string): NetworkFact[] {
  const facts: NetworkFact[] = [];
  let card: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    const found = /^( \\ )?(\S+): (.*)$/.exec(line);
    if (found === null) continue;
    const [, indented, name = "", rest = ""] = found;
    const type = /(?:^|,)type=([^,]*)/.exec(rest)?.[1] ?? "";
    const details = rest.split(",").filter((part) => !/^(index|type)=/.test(part)).join(",");
    if (indented === undefined) card = name;
    facts.push({ name, type, peer: indented === undefined ? null : card, details });
  }
  return facts;
}
