import { parse } from "@std/jsonc";
import { UsageError } from "./command.ts";
import { findPlaces, lineAndColumn, offsetOf } from "./jsonc_places.ts";

/** What a file of JSON with comments says, and where. */
export interface JsoncFile {
  readonly file: string;
  readonly value: unknown;
  /**
   * An error about it.
   *
   * @param path The place, such as `backoff.factor`; what is missing is wrong where it should be.
   * @param message What is wrong there.
   * @param cause What was thrown.
   */
  fault(path: string, message: string, cause?: unknown): UsageError;
}

/**
 * Reads a file of JSON with comments.
 *
 * @param file The file.
 * @param what What it is called in errors, such as `policy`.
 * @returns What it says.
 * @throws {UsageError} When it can't be read, is no JSON, or has a key twice; it names file, line and column.
 */
export async function readJsoncFile(file: string, what: string): Promise<JsoncFile> {
  const text = await readText(file, what);
  const at = (offset: number): string => {
    const { line, column } = lineAndColumn(text, offset);
    return `${file}:${line}:${column}`;
  };
  const value = parseText(text, at);
  const places = findPlaces(text);
  const [duplicate] = places.duplicates;
  if (duplicate) {
    throw fault(
      `${at(duplicate.offset)}: ${duplicate.path}: the key is there twice, and only one of them would count`,
    );
  }
  return {
    file,
    value,
    fault: (path, message, cause) => fault(`${at(offsetOf(places, path))}: ${message}`, cause),
  };
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return (await Deno.readTextFile(file)).replace(/^\ufeff/, "");
  } catch (error) {
    const found = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw fault(`Cannot read the ${what} ${file}: ${found}`, error);
  }
}

function parseText(text: string, at: (offset: number) => string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's message ends with the offset, unless it met the end.
    const [, found = error.message, offset] =
      /^Cannot parse JSONC: (.*?)(?: in JSONC at position (\d+))?$/s.exec(error.message) ?? [];
    const place = at(offset === undefined ? text.trimEnd().length : Number(offset));
    throw fault(
      `${place}: not valid JSON with comments: ${found.replace("of JSONC input", "of the file")}`,
      error,
    );
  }
}

function fault(message: string, cause?: unknown): UsageError {
  return new UsageError(message, { about: "config", ...(cause === undefined ? {} : { cause }) });
}
