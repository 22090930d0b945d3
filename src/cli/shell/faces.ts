import type { AnyQmpEvent } from "../../qmp/mod.ts";
import { formatJson, printable } from "../text.ts";
import { colorJson, type Palette } from "./palette.ts";

/** What came of a line. */
export type Outcome =
  /** There is nothing to say. */
  | { readonly kind: "nothing" }
  /** The shell is to be left. */
  | { readonly kind: "exit" }
  /** Text for a person: the human monitor's, or help. */
  | { readonly kind: "text"; readonly text: string }
  /** What a command returned; `echo` is what the message wants back, its id. */
  | { readonly kind: "returned"; readonly value: unknown; readonly echo: object }
  /** It failed, in QEMU or before. */
  | {
    readonly kind: "failed";
    /** QEMU's class of the error; `Usage`, `Timeout`, `Interrupted` and `Closed` are the shell's own. */
    readonly class: string;
    readonly desc: string;
    /** What was probably meant, to be put behind it. */
    readonly hint: string;
    readonly echo: object;
  };

/** How a shell shows things: each method returns text that ends with a line end, or is empty. */
export interface Face {
  outcome(outcome: Outcome): string;
  event(event: AnyQmpEvent): string;
}

/**
 * For programs: each reply and each event is a compact JSON object on a line of its own.
 *
 * @param text What becomes of text for a person: `reply` makes a reply of it, `raw` leaves it as it is.
 * @returns The face.
 */
export function jsonFace(text: "reply" | "raw"): Face {
  return {
    outcome(outcome) {
      switch (outcome.kind) {
        case "nothing":
        case "exit":
          return "";
        case "text":
          return text === "raw" ? wholeLines(outcome.text) : `${formatJson({ return: outcome.text })}\n`;
        case "returned":
          return `${formatJson({ return: outcome.value, ...outcome.echo })}\n`;
        case "failed": {
          const { class: errorClass, desc, echo } = outcome;
          return `${formatJson({ error: { class: errorClass, desc }, ...echo })}\n`;
        }
      }
    },
    event: (event) => `${formatJson(event)}\n`,
  };
}

/**
 * For people: what a command returns as indented JSON, errors and events as sentences.
 *
 * @param palette The colours.
 * @returns The face.
 */
export function peopleFace(palette: Palette): Face {
  return {
    outcome(outcome) {
      switch (outcome.kind) {
        case "nothing":
        case "exit":
          return "";
        case "text":
          return wholeLines(outcome.text);
        case "returned":
          return `${colorJson(formatJson(outcome.value, 2), palette)}\n`;
        case "failed":
          return `${palette.error(printable(`${outcome.class}: ${outcome.desc}${outcome.hint}`))}\n`;
      }
    },
    event({ event, timestamp, data }) {
      const said = data === undefined ? "" : ` ${colorJson(formatJson(data), palette)}`;
      return `${palette.event(`[${timeOfDay(timestamp)}] ${printable(event)}`)}${said}\n`;
    },
  };
}

function wholeLines(text: string): string {
  const shown = printable(text);
  return shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`;
}

/** This place's time, to the millisecond. */
function timeOfDay({ seconds, microseconds }: AnyQmpEvent["timestamp"]): string {
  if (seconds < 0) return "at an unknown time";
  const date = new Date(seconds * 1000 + Math.floor(microseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
