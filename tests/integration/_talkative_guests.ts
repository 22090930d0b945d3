// Tiny guests with a way of their own to use a console.
import { assemble16, rom } from "../../src/testing/mod.ts";

/** Says what is in al as soon as the serial port takes it. A byte that is sent without asking may be lost. */
const PUT = `
put:    mov ah, al
        mov dx, 0x3fd
full:   in al, dx
        test al, 0x20
        jz full
        mov al, ah
        mov dx, 0x3f8
        out dx, al
        ret
`;

/** Says READY and a line feed, and then everything that it is told, as it is. */
export const parrot: Uint8Array<ArrayBuffer> = rom(assemble16(
  `
        mov sp, 0x7c00
        mov ax, cs
        mov ds, ax
        mov si, ready
greet:  lodsb
        test al, al
        jz key
        call put
        jmp greet
key:    mov dx, 0x3fd
none:   in al, dx
        test al, 1
        jz none
        mov dx, 0x3f8
        in al, dx
        call put
        jmp key
${PUT}
ready:  db "READY", 10, 0
`,
  { origin: 0xfc00 },
));

/** A terminal that loses its seventh character, once. Ctrl-U empties its line; at Enter it shows what it has, in angle brackets. */
export const forgetful: Uint8Array<ArrayBuffer> = rom(assemble16(
  `
        mov sp, 0x7c00
        mov ax, 0
        mov es, ax
        mov ds, ax
        mov cx, 0
        mov al, '#'
        call put
empty:  mov di, 0x500
key:    mov dx, 0x3fd
none:   in al, dx
        test al, 1
        jz none
        mov dx, 0x3f8
        in al, dx
        cmp al, 0x15
        je erase
        cmp al, 13
        je enter
        inc cx
        cmp cx, 7
        je key
        stosb
        call put
        jmp key
erase:  mov al, 10
        call put
        jmp empty
enter:  mov al, '<'
        call put
        mov si, 0x500
show:   cmp si, di
        je shown
        lodsb
        call put
        jmp show
shown:  mov al, '>'
        call put
        jmp empty
${PUT}`,
  { origin: 0xfc00 },
));

/** Lines that {@link flood} says; 16 characters each. */
export const FLOOD_LINES = 65_536;
/** Says a megabyte in lines that might all begin a failure, then "!", and from then on echoes. */
export const flood: Uint8Array<ArrayBuffer> = rom(assemble16(
  `
        mov sp, 0x7c00
        mov ax, cs
        mov ds, ax
        mov cx, 0               ; 65536 times round
line:   mov si, text
char:   lodsb
        test al, al
        jz ended
        call put
        jmp char
ended:  dec cx
        jnz line
        mov al, '!'
        call put
key:    mov dx, 0x3fd
none:   in al, dx
        test al, 1
        jz none
        mov dx, 0x3f8
        in al, dx
        call put
        jmp key
${PUT}
text:   db "BUG: [    1.23", 13, 10, 0
`,
  { origin: 0xfc00 },
));
