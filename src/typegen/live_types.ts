import type { SchemaInfo } from "../qapi/mod.ts";
import { emitModule } from "./emit/emit_module.ts";
import { findNameless } from "./live/nameless.ts";
import { inOrderOf } from "./live/in_order.ts";
import { makeLiveModel } from "./live/live_model.ts";
import { readLiveSchema } from "./live/live_schema.ts";
import { nameByUse } from "./live/name_by_use.ts";
import { recoverNames } from "./live/recover_names.ts";
import { restoreBases } from "./live/restore_bases.ts";
import type { Model } from "./model.ts";

/** What is written of a QEMU, and from whom. */
export interface LiveTypesOptions {
  /** Its reply to `query-qmp-schema`. */
  readonly reply: readonly SchemaInfo[];
  /** Its version, such as `7.2.22`. */
  readonly qemu: string;
  /** The lines that the module begins with. */
  readonly header: readonly string[];
  /** A schema with names. */
  readonly known: Model;
}

/** A module of types, and what is in it. */
export interface LiveTypes {
  readonly text: string;
  readonly commands: number;
  readonly events: number;
  readonly types: number;
  /** The types whose names could not be found, by the names that they have instead. */
  readonly namedByUse: readonly string[];
}

/** Writes the types of a QEMU from what it says of itself. */
export function writeLiveTypes({ reply, qemu, header, known }: LiveTypesOptions): LiveTypes {
  const live = readLiveSchema(reply);
  const nameless = findNameless(live, known);
  const recovered = recoverNames(live, known, nameless);
  const names = nameByUse(live, recovered, nameless);
  const model = inOrderOf(restoreBases(makeLiveModel({ live, names, known, qemu }), known), known);
  const text = emitModule(model, {
    header,
    about: [
      `The commands, events and types of QMP, QEMU's machine protocol, as QEMU ${qemu} has them. Names are spelled as`,
      "QAPI spells them. What is sent is typed strictly; what QEMU says is open: an enum there takes other strings as well.",
    ],
    commands: "QmpCommands",
    events: "QmpEvents",
    imports: [{ from: "@qeeper/qeeper/qapi", names: ["Empty", "NoArguments", "Open", "Unlisted"] }],
  });
  const kinds = [...model.definitions.values()].map(({ kind }) => kind);
  const count = (kind: string) => kinds.filter((each) => each === kind).length;
  const [commands, events] = [count("command"), count("event")];
  return {
    text,
    commands,
    events,
    types: kinds.length - commands - events,
    namedByUse: [...names].filter(([id]) => !recovered.has(id)).map(([, name]) => name),
  };
}
