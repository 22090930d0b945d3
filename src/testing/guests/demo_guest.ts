import { diskImage } from "./boot_images.ts";
import { defineGuest, type TinyGuest } from "./tiny_guest.ts";

/** Where the guest keeps the sector with its count in memory. */
const COUNT = 0x8000;

/**
 * The guest of the demo, a boot sector that counts its lives. The count is in sector 1 of the disk that it
 * boots from (the first four bytes, little-endian); each boot adds one and writes it back. It says
 * `Hello from life N` on the first serial port. If N is odd it then panics (pvpanic), if N is even it powers
 * off (ACPI). So the same disk under the same configuration fails once and then succeeds.
 *
 * @example
 * ```ts
 * import { demoGuest } from "@qeeper/qeeper/testing";
 * import { assert } from "@std/assert";
 *
 * // What remains of the sector holds the partition table, as on any disk.
 * assert(demoGuest.code.length <= 446);
 * ```
 */
export const demoGuest: TinyGuest = defineGuest({
  name: "demo",
  description: "Counts its lives on its own disk; panics in odd ones and powers off in even ones.",
  needs: ["-device", "pvpanic"],
  source: `
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00          ; the BIOS left the number of the boot drive in dl

        mov ax, 0x0201          ; read one sector
        call transfer
        inc dword [${COUNT}]
        mov ax, 0x0301          ; write it back
        call transfer

        mov si, hello
        call print
        mov eax, [${COUNT}]
        call printNumber
        mov si, lineFeed
        call print

        mov dx, 0x505           ; pvpanic
        mov al, 1
        test byte [${COUNT}], 1
        jnz odd
        mov dx, 0x604           ; ACPI PM1a control
        mov ax, 0x2000          ; S5, sleep enable
        out dx, ax
        jmp halt
odd:    out dx, al
halt:   cli
        hlt
        jmp halt

; Moves sector 1 of the boot drive to or from memory, as ax says; halts if that fails.
transfer:
        mov bx, ${COUNT}
        mov cx, 2               ; cylinder 0, sector 2: the BIOS counts sectors from 1
        mov dh, 0
        push dx
        int 0x13
        pop dx
        jc .failed
        ret
.failed:
        mov si, diskError
        call print
        jmp halt

; Prints the text at si, up to its zero.
print:  lodsb
        test al, al
        jz .end
        call put
        jmp print
.end:   ret

; Prints eax in decimal: the digits come last first, so they go over the stack.
printNumber:
        mov ebx, 10
        mov cx, 0
.divide:
        xor edx, edx
        div ebx
        push dx
        inc cx
        test eax, eax
        jnz .divide
.digit: pop ax
        add al, '0'
        call put
        loop .digit
        ret

; Prints the character in al once the port has room for it.
put:    push ax
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        pop ax
        mov dx, 0x3f8
        out dx, al
        ret

hello:  db "Hello from life ", 0
diskError:
        db "Disk error"
lineFeed:
        db 10, 0
`,
});

/**
 * A fresh disk for the demo: {@link demoGuest} as its boot sector and no life lived yet.
 *
 * @returns The image, raw, of 1 MiB. The guest writes to it, so it must be writable and kept between lives.
 *
 * @example
 * ```ts
 * import { demoDisk } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const lives = new DataView(demoDisk().buffer).getUint32(512, true);
 * assertEquals(lives, 0);
 * ```
 */
export function demoDisk(): Uint8Array<ArrayBuffer> {
  return diskImage(demoGuest.code);
}
