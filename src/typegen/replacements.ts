import { hasFeature, type Model } from "./model.ts";

/**
 * What takes the place of a deprecated command, as the prose of QEMU's schema says. The prose is not read, so this is
 * kept by hand; a command that is not here has no other in its place.
 */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  "block-job-complete": "job-complete",
  "block-job-dismiss": "job-dismiss",
  "block-job-finalize": "job-finalize",
  "block-job-pause": "job-pause",
  "block-job-resume": "job-resume",
  "drive-backup": "blockdev-backup",
  "nbd-server-add": "block-export-add",
  "nbd-server-remove": "block-export-del",
};

/**
 * What to use in place of a command.
 *
 * @returns The other command's name; null where the model doesn't have it, or the command is not deprecated in it.
 */
export function replacementOf(model: Model, command: string): string | null {
  const definition = model.definitions.get(command);
  const replacement = REPLACEMENTS[command];
  if (definition === undefined || !hasFeature(definition, "deprecated") || replacement === undefined) {
    return null;
  }
  return model.definitions.has(replacement) ? replacement : null;
}
