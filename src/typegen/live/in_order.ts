import type { Definition, Model } from "../model.ts";

/**
 * Puts a model's definitions into the order of a known schema, so that the types of two QEMUs can be laid side by side. What that
 * schema doesn't have comes after what is before it in the model.
 *
 * @param model The model.
 * @param known The schema whose order it is.
 * @returns The same model in that order.
 */
export function inOrderOf(model: Model, known: Model): Model {
  const places = new Map([...known.definitions.keys()].map((name, place) => [name, place]));
  let last = -1;
  const placed = [...model.definitions].map(([name, definition]): [number, [string, Definition]] => {
    last = places.get(name) ?? last;
    return [last, [name, definition]];
  });
  // Sorting is stable: what has the same place stays in its order.
  const sorted = placed.toSorted(([a], [b]) => a - b).map(([, entry]) => entry);
  return { ...model, definitions: new Map(sorted) };
}
