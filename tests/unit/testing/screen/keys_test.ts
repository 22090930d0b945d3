import { assert, assertEquals, assertThrows } from "@std/assert";
import { chordKeys, keyStrokes } from "../../../../src/testing/screen/keys.ts";

Deno.test("keyStrokes() knows each character of a US keyboard, and no two have the same stroke", () => {
  const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join("");
  const strokes = keyStrokes(`${printable}\n\t\b\x1b`).map(({ key, shift }) =>
    `${shift ? "shift-" : ""}${key}`
  );
  assertEquals(new Set(strokes).size, printable.length + 4);
});

const STROKES: readonly (readonly [text: string, strokes: string])[] = [
  ["aZ9", "a shift-z 9"],
  ["!@#$%^&*()", "shift-1 shift-2 shift-3 shift-4 shift-5 shift-6 shift-7 shift-8 shift-9 shift-0"],
  ["-_=+", "minus shift-minus equal shift-equal"],
  ["~`|\\", "shift-grave_accent grave_accent shift-backslash backslash"],
  [`"' <>?`, "shift-apostrophe apostrophe spc shift-comma shift-dot shift-slash"],
  ["\n\r\t", "ret ret tab"],
];
for (const [text, expected] of STROKES) {
  Deno.test(`keyStrokes() types ${JSON.stringify(text)} as ${expected}`, () => {
    const strokes = keyStrokes(text).map(({ key, shift }) => `${shift ? "shift-" : ""}${key}`);
    assertEquals(strokes.join(" "), expected);
  });
}

Deno.test("keyStrokes() names the character that is on no key, and where it is", () => {
  assertThrows(() => keyStrokes("50 \u20ac"), TypeError, '"\u20ac" (U+20AC, character 4)');
  assertThrows(() => keyStrokes("\u{1f600}"), TypeError, "U+1F600, character 1");
  assertThrows(() => keyStrokes("\u00e9"), TypeError, "U+00E9");
  // A letter that has another length in lower case, and one that is no key in either.
  assertThrows(() => keyStrokes("\u0130"), TypeError, "U+0130");
  assertThrows(() => keyStrokes("\u212a"), TypeError, "U+212A");
});

const CHORDS: readonly (readonly [chord: string, keys: string])[] = [
  ["ctrl-alt-delete", "ctrl alt delete"],
  ["Control-Alt-Del", "ctrl alt delete"],
  ["enter", "ret"],
  ["alt-sysrq-b", "alt sysrq b"],
  ["F12", "f12"],
  ["super-1", "meta_l 1"],
  ["ctrl-minus", "ctrl minus"],
  ["ctrl-]", "ctrl bracket_right"],
];
for (const [chord, keys] of CHORDS) {
  Deno.test(`chordKeys() takes ${chord} for ${keys}`, () => assertEquals(chordKeys(chord).join(" "), keys));
}

Deno.test("chordKeys() names the key that is none, and says which there are", () => {
  for (const wrong of ["ctrl-alt-delet", "", "ctrl--", "A-!", "hyper-x"]) {
    const error = assertThrows(() => chordKeys(wrong), TypeError);
    assert(error.message.includes(JSON.stringify(wrong)) && error.message.includes("pgup"), error.message);
  }
});
