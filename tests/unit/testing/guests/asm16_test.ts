import { assertEquals, assertThrows } from "@std/assert";
import { assemble16 } from "../../../../src/testing/guests/asm16.ts";

function hex(source: string, origin?: number): string {
  return assemble16(source, origin === undefined ? {} : { origin }).toHex();
}

// What GNU as 2.40 makes of the same instructions (`.code16`, Intel syntax).
const INSTRUCTIONS: Record<string, string> = {
  "mov al, 0x4f": "b04f",
  "mov ah, 'O'": "b44f",
  "mov dx, 0x3f8": "baf803",
  "mov eax, 0x80000b40": "66b8400b0080",
  "mov ax, cs": "8cc8",
  "mov ds, ax": "8ed8",
  "mov [bx], es": "8c07",
  "mov bp, sp": "89e5",
  "mov eax, edx": "6689d0",
  "mov al, ah": "88e0",
  "mov ax, [0x1234]": "a13412",
  "mov [0x1234], al": "a23412",
  "mov eax, [0x7e00]": "66a1007e",
  "mov cx, [0x1234]": "8b0e3412",
  "mov bx, [bp]": "8b5e00",
  "mov [bx+si], dl": "8810",
  "mov dx, [bp+di+4]": "8b5304",
  "mov [di+0x1234], ax": "89853412",
  "mov es:[di], al": "268805",
  "mov byte [bx], 0x34": "c60734",
  "mov word [0x7dfe], 0xaa55": "c706fe7d55aa",
  "mov dword es:[si+2], 5": "2666c7440205000000",
  "add ax, 5": "83c005",
  "add ax, 0x1234": "053412",
  "add al, '0'": "0430",
  "adc dx, 0": "83d200",
  "sub cx, cx": "29c9",
  "and bl, 0x0f": "80e30f",
  "or al, 0x20": "0c20",
  "xor eax, eax": "6631c0",
  "xor edx, edx": "6631d2",
  "cmp al, 0xff": "3cff",
  "cmp ah, bl": "38dc",
  "cmp cx, 0x200": "81f90002",
  "cmp byte [si], 0": "803c00",
  "cmp si, [bx]": "3b37",
  "sbb byte [bx+di-1], 2": "8059ff02",
  "add ebx, 0x12345678": "6681c378563412",
  "test al, al": "84c0",
  "test al, 1": "a801",
  "test bl, 1": "f6c301",
  "test ax, 0x100": "a90001",
  "inc ax": "40",
  "inc dl": "fec2",
  "inc dword [0x7e00]": "66ff06007e",
  "dec ecx": "6649",
  "dec byte [bp+2]": "fe4e02",
  "div ecx": "66f7f1",
  "div bl": "f6f3",
  "mul word [bx]": "f727",
  "neg ax": "f7d8",
  "not cl": "f6d1",
  "shl ax, 1": "d1e0",
  "shr al, 4": "c0e804",
  "shl dx, cl": "d3e2",
  "ror byte [bx], 1": "d00f",
  "in al, dx": "ec",
  "in eax, dx": "66ed",
  "in al, 0x64": "e464",
  "out dx, al": "ee",
  "out dx, ax": "ef",
  "out dx, eax": "66ef",
  "out 0x64, al": "e664",
  "out 0xe9, ax": "e7e9",
  "push ax": "50",
  "push edx": "6652",
  "push ds": "1e",
  "push 0": "6a00",
  "push 0x1234": "683412",
  "pop cx": "59",
  "pop es": "07",
  "int 0x13": "cd13",
  "int3": "cc",
  "lidt [bp]": "0f015e00",
  "lgdt cs:[0x1234]": "2e0f01163412",
  "lodsb": "ac",
  "lodsw": "ad",
  "stosb": "aa",
  "stosw": "ab",
  "movsb": "a4",
  "movsw": "a5",
  "rep movsb": "f3a4",
  "cld": "fc",
  "cli": "fa",
  "sti": "fb",
  "hlt": "f4",
  "nop": "90",
  "ret": "c3",
  "iret": "cf",
  "cbw": "98",
  "clc": "f8",
  "stc": "f9",
  "pusha": "60",
  "popa": "61",
  "jmp di": "ffe7",
  "jmp word [bx]": "ff27",
  "call ax": "ffd0",
  "jmp 0xf000:0xfc05": "ea05fc00f0",
};

Deno.test("assemble16() encodes each instruction as GNU as does", async (t) => {
  for (const [instruction, expected] of Object.entries(INSTRUCTIONS)) {
    // "rep" stands on a line of its own.
    await t.step(instruction, () => assertEquals(hex(instruction.replace("rep ", "rep\n")), expected));
  }
});

Deno.test("assemble16() gives the bytes of well-known guests when their source is assembled", async (t) => {
  const halt = "halt: cli\nhlt\njmp halt";
  const guests: [name: string, source: string, bytes: string][] = [
    [
      "print OK",
      `mov dx, 0x3f8\nmov al, 'O'\nout dx, al\nmov al, 'K'\nout dx, al\nmov al, 10\nout dx, al\n${halt}`,
      "baf803b04feeb04beeb00aeefaf4ebfc",
    ],
    [
      "triple fault",
      "xor sp, sp\npush 0\npush 0\npush 0\nmov bp, sp\nlidt [bp]\nint3",
      "31e46a006a006a0089e50f015e00cc",
    ],
    ["power off", `mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\n${halt}`, "ba0406b80020effaf4ebfc"],
    ["spin", "spin: jmp spin", "ebfe"],
    [
      "echo",
      "start: mov dx, 0x3fd\nwait: in al, dx\ntest al, 1\njz wait\nmov dx, 0x3f8\nin al, dx\nout dx, al\njmp start",
      "bafd03eca80174fbbaf803eceeebf1",
    ],
  ];
  for (const [name, source, bytes] of guests) {
    await t.step(name, () => assertEquals(hex(source), bytes));
  }
});

Deno.test("assemble16() finds labels before and after their use", () => {
  assertEquals(hex("back: nop\njmp back\njmp ahead\nnop\nahead: ret"), "90ebfdeb0190c3");
});

Deno.test("assemble16() counts labels from the origin, 0x7c00 by default", () => {
  assertEquals(hex("mov si, text\ntext: db 0"), "be037c00");
  assertEquals(hex("mov si, text\ntext: db 0", 0xfc00), "be03fc00");
  assertEquals(hex("mov ax, [text+1]\ntext: dw text + 2, -1", 0), "a104000500ffff");
});

Deno.test("assemble16() makes a jump long only when its target is out of reach", () => {
  const gap = (bytes: number) => `db ${Array(bytes).fill(0).join(", ")}`;
  assertEquals(hex(`jmp end\n${gap(127)}\nend:`).slice(0, 4), "eb7f");
  assertEquals(hex(`jmp end\n${gap(128)}\nend:`).slice(0, 6), "e98000");
  assertEquals(hex(`je end\n${gap(128)}\nend:`).slice(0, 8), "0f848000");
  assertEquals(hex(`back: ${gap(126)}\njmp back`).slice(-4), "eb80");
  assertEquals(hex(`back: ${gap(127)}\njmp back`).slice(-6), "e97eff");
  // The second jump grows, which moves the first one's target out of reach as well.
  const chained = hex(`jmp first\n${gap(125)}\njmp second\nfirst: ${gap(128)}\nsecond:`);
  assertEquals(chained.slice(0, 6), "e98000");
});

Deno.test("assemble16() keeps a label that starts with a dot to the label before it", () => {
  assertEquals(hex("a: nop\n.x: jmp .x\nb: nop\n.x: jmp .x"), "90ebfe90ebfe");
});

Deno.test("assemble16() reads strings, characters, comments and blank lines", () => {
  assertEquals(hex(`\n; nothing\n  text: db "a;,é'", 10, ';' ; done\n`), "613b2cc3a9270a3b");
  assertEquals(hex("dd 0x80000b40, -1"), "400b0080ffffffff");
});

Deno.test("assemble16() says the line, its text and the reason when it can't assemble it", async (t) => {
  const mistakes: [source: string, message: string][] = [
    [
      "nop\nfrobnicate ax",
      'line 2, "frobnicate ax": no instruction "frobnicate" with such operands is known',
    ],
    ["mov ax, bl", 'line 1, "mov ax, bl": no instruction "mov"'],
    ["mov [bx], 1", "no instruction"],
    ["pop cs", "no instruction"],
    ["out dx, bl", "no instruction"],
    ["jmp nowhere", 'line 1, "jmp nowhere": there is no label "nowhere"'],
    ["mov si, nowhere", 'there is no label "nowhere"'],
    ["a: nop\na: nop", 'line 2, "a: nop": the label "a" exists already'],
    ["ax: nop", '"ax" is a register and can\'t be a label'],
    ["mov al, 256", "256 does not fit into 8 bits"],
    ["mov al, -129", "-129 does not fit into 8 bits"],
    ["mov ax, 0x10000", "65536 does not fit into 16 bits"],
    ["mov ax, [ax]", "is no 16-bit address"],
    ["mov ax, 12abc", '"12abc" is neither'],
    ["mov ax, 1 +", "neither"],
    [`a: db ${Array(130).fill(0).join(", ")}\nloop a`, "-132 does not fit into 8 bits"],
  ];
  for (const [source, message] of mistakes) {
    await t.step(source.slice(0, 30), () => {
      assertThrows(() => assemble16(source), SyntaxError, message);
    });
  }
});
