import { type AnyQmpEvent, classifyMessage, QmpDecoder } from "../qmp/mod.ts";
import { isLaterEvent, isSameEvent } from "./evidence.ts";

const NUL = 0;
const LF = 0x0a;

/** An event of a recording, and where its line ends, counted from the beginning of the bytes. */
export interface RecordedEvent {
  event: AnyQmpEvent;
  end: number;
}

/**
 * Reads a piece of a recording: what QEMU wrote to a monitor that nobody reads, a message a line. Greeting and replies are passed over, as are
 * lines that are damaged, and NULs, which stand where the file was emptied.
 *
 * @param bytes The piece; it begins where a line does, or with NULs.
 * @returns The events in order; and how many bytes were read, which leaves a last line that is not whole yet for the next time.
 */
export function parseRecording(bytes: Uint8Array): { events: RecordedEvent[]; used: number } {
  const events: RecordedEvent[] = [];
  let used = 0;
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, used)) {
    const event = parseLine(bytes.subarray(used, end));
    used = end + 1;
    if (event !== null) events.push({ event, end: used });
  }
  return { events, used };
}

function parseLine(line: Uint8Array): AnyQmpEvent | null {
  const decoder = new QmpDecoder();
  const [value] = decoder.push(line.subarray(line.lastIndexOf(NUL) + 1));
  const message = value === undefined || decoder.failure !== null ? null : classifyMessage(value);
  return message?.kind === "event" ? message.event : null;
}

/**
 * What of a recording is news.
 *
 * @param recorded The events of a recording, in order.
 * @param last The last event that was seen; null when there was none.
 * @returns The events after it. Where it is not in the recording, because that was emptied since, those with a later time stamp.
 */
export function eventsAfter(recorded: readonly AnyQmpEvent[], last: AnyQmpEvent | null): AnyQmpEvent[] {
  if (last === null) return [...recorded];
  const at = recorded.findLastIndex((event) => isSameEvent(event, last));
  return at < 0 ? recorded.filter((event) => isLaterEvent(event, last)) : recorded.slice(at + 1);
}
