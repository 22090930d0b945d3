import { assemble16, rom } from "../../src/testing/mod.ts";

/** What the guest obeys on its second serial port. It says each byte back there before it does anything. */
export const COMMANDS = {
  powerOff: "P",
  reset: "R",
  tripleFault: "T",
  panic: "X",
  /** Arms the watchdog, which bites at once. */
  armWatchdog: "W",
  /** Followed by the number of a sector, as one byte: writes it, and says `+` or, for an error, `!` on the first serial port. */
  writeSector: "I",
} as const;

/**
 * A guest that echoes what it gets on its first serial port, and obeys on its second. It costs nothing while there is nothing to do: it halts
 * until a port has a byte. (Interrupts reach it on a processor without APIC only: nothing sets that up.) A dozen of them leave a small
 * machine to the supervisor.
 */
const SOURCE = `
        jmp 0xf000:start        ; leave the reset's code segment for the alias below 1 MiB
start:  cli
        mov ax, cs
        mov ds, ax
        xor ax, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov eax, 0x80000b40     ; PIIX4 power management: its block is at 0x600, and on
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, 0x601
        out dx, eax
        mov eax, 0x80000b80
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, 1
        out dx, eax
        mov al, 0x11            ; interrupt controllers: vectors from 8 on, only IRQ 3 and 4, the serial ports'
        out 0x20, al
        out 0xa0, al
        mov al, 8
        out 0x21, al
        mov al, 0x70
        out 0xa1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xa1, al
        mov al, 1
        out 0x21, al
        out 0xa1, al
        mov al, 0xe7
        out 0x21, al
        mov al, 0xff
        out 0xa1, al
        mov di, 0x2c            ; vectors 11 and 12
        mov ax, awake
        stosw
        mov ax, cs
        stosw
        mov ax, awake
        stosw
        mov ax, cs
        stosw
        mov al, 1               ; tell of received bytes
        mov dx, 0x3f9
        out dx, al
        mov dx, 0x2f9
        out dx, al
        mov al, 0x0b
        mov dx, 0x3fc
        out dx, al
        mov dx, 0x2fc
        out dx, al
        mov si, ready
.print: lodsb
        test al, al
        jz main
        call put
        jmp .print

main:   cli
        mov dx, 0x2fd
        in al, dx
        test al, 1
        jnz .obey
        mov dx, 0x3fd
        in al, dx
        test al, 1
        jnz .echo
        sti
        hlt
        jmp main
.echo:  mov dx, 0x3f8
        in al, dx
        out dx, al
        jmp main
.obey:  call get
        cmp al, '${COMMANDS.powerOff}'
        je powerOff
        cmp al, '${COMMANDS.reset}'
        je reset
        cmp al, '${COMMANDS.tripleFault}'
        je tripleFault
        cmp al, '${COMMANDS.panic}'
        je panic
        cmp al, '${COMMANDS.armWatchdog}'
        je armWatchdog
        cmp al, '${COMMANDS.writeSector}'
        je writeSector
        jmp main

awake:  push ax
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

put:    mov dx, 0x3f8
        out dx, al
        ret
get:    mov dx, 0x2fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dx, 0x2f8
        in al, dx
        out dx, al
        ret

powerOff:
        mov dx, 0x604
        mov ax, 0x2001
        out dx, ax
        jmp main
reset:  mov dx, 0xcf9
        mov al, 6
        out dx, al
        jmp main
tripleFault:
        push 0
        push 0
        push 0
        mov bp, sp
        lidt [bp]
        int3
panic:  mov dx, 0x505
        mov al, 1
        out dx, al
        jmp main
armWatchdog:
        mov dx, 0x443
        mov al, 15
        out dx, al
        jmp main

writeSector:
        call get
        mov bl, al
        mov dx, 0x1f6           ; the first disk, sectors by number
        mov al, 0xe0
        out dx, al
        mov dx, 0x1f2
        mov al, 1
        out dx, al
        mov dx, 0x1f3
        mov al, bl
        out dx, al
        mov al, 0
        mov dx, 0x1f4
        out dx, al
        mov dx, 0x1f5
        out dx, al
        mov dx, 0x1f7
        mov al, 0x30            ; write
        out dx, al
.ready: in al, dx
        test al, 8
        jz .ready
        mov cx, 256
        mov ax, 0x5151
        mov dx, 0x1f0
.word:  out dx, ax
        loop .word
        mov dx, 0x1f7
.busy:  in al, dx
        test al, 0x80
        jnz .busy
        test al, 1
        mov al, '+'
        jz .said
        mov al, '!'
.said:  call put
        jmp main

ready:  db "READY", 10, 0
`;

/** The firmware to boot it with. */
export function chaosRom(): Uint8Array<ArrayBuffer> {
  return rom(assemble16(SOURCE, { origin: 0xfc00 }));
}
