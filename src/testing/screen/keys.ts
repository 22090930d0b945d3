import type { QmpCommands } from "../../qmp/mod.ts";

/** A key by QEMU's name for its place on the keyboard. */
export type KeyCode = Extract<
  QmpCommands["send-key"]["arguments"]["keys"][number],
  { type: "qcode" }
>["data"];

/** One stroke: the key, and whether shift is held meanwhile. */
export interface KeyStroke {
  readonly key: KeyCode;
  readonly shift: boolean;
}

const LETTER_OR_DIGIT = /^[A-Za-z0-9]$/;

/** The keys of a US keyboard that are no letter: what they give, and what they give with shift. */
const SIGNS: readonly (readonly [plain: string, shifted: string, key: KeyCode])[] = [
  ["1", "!", "1"],
  ["2", "@", "2"],
  ["3", "#", "3"],
  ["4", "$", "4"],
  ["5", "%", "5"],
  ["6", "^", "6"],
  ["7", "&", "7"],
  ["8", "*", "8"],
  ["9", "(", "9"],
  ["0", ")", "0"],
  ["-", "_", "minus"],
  ["=", "+", "equal"],
  ["[", "{", "bracket_left"],
  ["]", "}", "bracket_right"],
  ["\\", "|", "backslash"],
  [";", ":", "semicolon"],
  ["'", '"', "apostrophe"],
  ["`", "~", "grave_accent"],
  [",", "<", "comma"],
  [".", ">", "dot"],
  ["/", "?", "slash"],
];

/** Names that people use for keys, beside QEMU's own. */
const NAMES: Readonly<Record<string, KeyCode>> = {
  control: "ctrl",
  del: "delete",
  ins: "insert",
  escape: "esc",
  enter: "ret",
  return: "ret",
  space: "spc",
  pageup: "pgup",
  pagedown: "pgdn",
  meta: "meta_l",
  super: "meta_l",
  win: "meta_l",
  altgr: "alt_r",
  printscreen: "print",
  plus: "kp_add",
};

/** QEMU's own names of keys that do something by themselves. */
const KEYS = [
  ...[
    "shift",
    "shift_r",
    "alt",
    "alt_r",
    "ctrl",
    "ctrl_r",
    "meta_l",
    "meta_r",
    "menu",
    "caps_lock",
    "num_lock",
  ],
  ...[
    "scroll_lock",
    "esc",
    "backspace",
    "tab",
    "ret",
    "spc",
    "delete",
    "insert",
    "home",
    "end",
    "pgup",
    "pgdn",
  ],
  ...[
    "left",
    "up",
    "right",
    "down",
    "print",
    "sysrq",
    "pause",
    "minus",
    "equal",
    "bracket_left",
    "bracket_right",
  ],
  ...["backslash", "semicolon", "apostrophe", "grave_accent", "comma", "dot", "slash", "less", "asterisk"],
  ...["f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12"],
  ...["kp_0", "kp_1", "kp_2", "kp_3", "kp_4", "kp_5", "kp_6", "kp_7", "kp_8", "kp_9"],
  ...[
    "kp_add",
    "kp_subtract",
    "kp_multiply",
    "kp_divide",
    "kp_enter",
    "kp_decimal",
    "power",
    "sleep",
    "wake",
  ],
] as const satisfies readonly KeyCode[];

/**
 * The strokes that type a text on a US keyboard.
 *
 * @param text What to type; `\n` is the enter key, `\t` the tab key, `\b` backspace, `\x1b` escape.
 * @returns The strokes.
 * @throws {TypeError} When a character is on no key of such a keyboard; the error names it and its place.
 */
export function keyStrokes(text: string): KeyStroke[] {
  return Array.from(text, (character, at) => {
    const stroke = strokeOf(character);
    if (stroke !== null) return stroke;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    throw new TypeError(
      `Cannot type ${JSON.stringify(character)} (U+${code}, character ${
        at + 1
      }): no key of a US keyboard gives it; ` +
        "send it on the console, or by copying a file in",
    );
  });
}

/**
 * The keys of a chord such as `ctrl-alt-delete`, in the order in which they go down.
 *
 * @param keys Names with `-` between them: QEMU's (`ret`, `pgup`, `kp_1`, `minus`), people's (`enter`, `control`, `escape`), or a letter or digit.
 * @returns The keys.
 * @throws {TypeError} When there is no such key.
 */
export function chordKeys(keys: string): KeyCode[] {
  return keys.trim().toLowerCase().split("-").map((name) => {
    const found = KEYS.find((key) => key === name) ?? NAMES[name] ?? strokeKey(name);
    if (found !== undefined) return found;
    throw new TypeError(
      `Cannot press ${JSON.stringify(keys)}: there is no key ${
        JSON.stringify(name)
      }; put "-" between keys ("ctrl-alt-delete"; the key ` +
        `of that sign is "minus") and name each as one of: ${
          [...KEYS, ...Object.keys(NAMES)].join(", ")
        }, a letter, a digit`,
    );
  });
}

function strokeKey(name: string): KeyCode | undefined {
  const stroke = name.length === 1 ? strokeOf(name) : null;
  return stroke === null || stroke.shift ? undefined : stroke.key;
}

function strokeOf(character: string): KeyStroke | null {
  // Not every character whose lower case is a letter is one of these: the Kelvin sign is none.
  if (LETTER_OR_DIGIT.test(character)) {
    const lower = character.toLowerCase();
    return { key: lower as KeyCode, shift: lower !== character };
  }
  switch (character) {
    case " ":
      return { key: "spc", shift: false };
    case "\n":
    case "\r":
      return { key: "ret", shift: false };
    case "\t":
      return { key: "tab", shift: false };
    case "\b":
      return { key: "backspace", shift: false };
    case "\x1b":
      return { key: "esc", shift: false };
  }
  for (const [plain, shifted, key] of SIGNS) {
    if (character === plain || character === shifted) return { key, shift: character === shifted };
  }
  return null;
}
