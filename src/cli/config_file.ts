import { parse } from "@std/jsonc";
import { ConfigError, parseVmConfig, resolveConfigPaths, type VmConfig } from "../machine/mod.ts";
import { UsageError } from "./command.ts";
import { findPlaces, lineAndColumn, offsetOf } from "./jsonc_places.ts";

/** A config from a file, checked, its file names absolute. */
export interface ConfigFileContent {
  readonly config: VmConfig;
  /** An error about this config, as one that says where in the file it is wrong. */
  explain(error: ConfigError): UsageError;
}

/**
 * Reads a config. Relative file names in it start at its own folder.
 *
 * @param file The file, JSON with comments.
 * @param extraArgs Raw QEMU arguments to append to those of the config.
 * @returns The config.
 * @throws {UsageError} When it can't be read or is wrong: file, line, column, the place in the config, what was found and what was
 * expected.
 */
export async function readConfigFile(
  file: string,
  extraArgs: readonly string[] = [],
): Promise<ConfigFileContent> {
  const text = await readText(file);
  const value = parseText(file, text);
  const places = findPlaces(text);
  const [duplicate] = places.duplicates;
  if (duplicate) {
    const place = `${file}:${position(text, duplicate.offset)}`;
    throw configFault(
      `${place}: ${duplicate.path}: the key is there twice, and only one of them would count`,
    );
  }
  const explain = (error: ConfigError) => {
    const lines = error.issues.map(({ path, message }) => ({ offset: offsetOf(places, path), message }))
      .sort((a, b) => a.offset - b.offset)
      .map(({ offset, message }) => `${file}:${position(text, offset)}: ${message}`);
    return configFault(lines.join("\n"), { cause: error });
  };
  try {
    const own = resolveConfigPaths(parseVmConfig(value), folderOf(file));
    const all = [...(own.extraArgs ?? []), ...extraArgs];
    // Once more: an absolute name may be too long for a socket, and an argument from the command line may hold anything.
    return { config: parseVmConfig(all.length === 0 ? own : { ...own, extraArgs: all }), explain };
  } catch (error) {
    throw error instanceof ConfigError ? explain(error) : error;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return (await Deno.readTextFile(file)).replace(/^\ufeff/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw configFault(`Cannot read the config ${file}: there is no such file`, { cause: error });
    }
    throw configFault(
      `Cannot read the config ${file}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function parseText(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's message ends with the offset, unless it met the end.
    const [, what = "", offset] =
      /^Cannot parse JSONC: (.*?)(?: in JSONC at position (\d+))?$/s.exec(error.message) ?? [];
    const at = position(text, offset === undefined ? text.trimEnd().length : Number(offset));
    const found = what.replace("of JSONC input", "of the file") || error.message;
    throw configFault(`${file}:${at}: not valid JSON with comments: ${found}`, { cause: error });
  }
}

function position(text: string, offset: number): string {
  const { line, column } = lineAndColumn(text, offset);
  return `${line}:${column}`;
}

/**
 * The folder of a file, at which relative names in it start.
 *
 * @param file The file.
 * @returns An absolute path.
 */
export function folderOf(file: string): string {
  const slash = file.lastIndexOf("/");
  const folder = slash < 0 ? "" : file.slice(0, slash);
  if (file.startsWith("/")) return folder || "/";
  return folder === "" ? Deno.cwd() : `${Deno.cwd()}/${folder}`;
}

function configFault(message: string, options: ErrorOptions = {}): UsageError {
  return new UsageError(message, { ...options, about: "config" });
}
