import { defineGuest, SET_UP_POWER_MANAGEMENT, type TinyGuest } from "./tiny_guest.ts";

/**
 * The commands of {@link unirom} and {@link uni}: write the letter to the guest's first serial port. After a
 * command that does not end the guest it waits for the next one.
 */
export interface UniCommands {
  /** Powers off through ACPI (S5). */
  readonly powerOff: "P";
  /** Suspends to memory (S3). */
  readonly suspend: "S";
  /** Suspends to disk (S4). */
  readonly hibernate: "D";
  /** Obeys `system_powerdown` from now on; answers `g`. Until then it ignores the power button. */
  readonly obeyPowerButton: "G";
  /** Resets through port 0xcf9. */
  readonly reset: "R";
  /** Resets through the keyboard controller. */
  readonly keyboardReset: "K";
  /** Provokes a triple fault. */
  readonly tripleFault: "T";
  /** Reports a panic through pvpanic. */
  readonly panic: "X";
  /** Reports a crash that it handles itself through pvpanic. */
  readonly crashLoad: "C";
  /** Reports a shutdown through pvpanic; QEMU 7.2 does not know of it. */
  readonly pvShutdown: "Z";
  /** Followed by one byte `v`: ends QEMU through isa-debug-exit with the exit code `(v << 1) | 1`. */
  readonly debugExit: "Q";
  /** Arms the ib700 watchdog with 2 s. */
  readonly armWatchdog: "W";
  /** Switches the ib700 watchdog off. */
  readonly disarmWatchdog: "w";
  /** Changes the year in the real-time clock. */
  readonly rtcWrite: "N";
  /** Runs in a circle for ever, deaf to commands. */
  readonly spin: "L";
  /** Halts for ever with interrupts off, deaf to commands, at no cost. */
  readonly halt: "H";
}

/** The commands that {@link uni} has beyond those of {@link unirom}; it answers `+`, or `!` for an error. */
export interface UniDiskCommands {
  /** Writes sector 1 of the first hard disk through the BIOS. */
  readonly writeSector: "I";
  /** Reads sector 1 of the first hard disk through the BIOS. */
  readonly readSector: "J";
}

/**
 * The command letters by name. They are also the labels in the guests' source.
 *
 * @example
 * ```ts
 * import { uniCommands } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // "obey the power button", then "print this": other bytes are echoed.
 * assertEquals(uniCommands.obeyPowerButton + "hello", "Ghello");
 * ```
 */
export const uniCommands: UniCommands & UniDiskCommands = {
  powerOff: "P",
  suspend: "S",
  hibernate: "D",
  obeyPowerButton: "G",
  reset: "R",
  keyboardReset: "K",
  tripleFault: "T",
  panic: "X",
  crashLoad: "C",
  pvShutdown: "Z",
  debugExit: "Q",
  armWatchdog: "W",
  disarmWatchdog: "w",
  rtcWrite: "N",
  spin: "L",
  halt: "H",
  writeSector: "I",
  readSector: "J",
};

/** Sets up the chip set, says hello, and obeys. Registers: bl holds the byte that came in. */
const COMMAND_LOOP = `
        mov dx, 0x604           ; PM1a control: ACPI mode, so that the power button reaches the guest
        mov ax, 1
        out dx, ax
        mov dx, 0x600           ; PM1a status: clear it, system_wakeup leaves the power-button bit set
        mov ax, 0xffff
        out dx, ax
        mov si, ready
        call print
main:   mov dx, 0x600
        in ax, dx
        cmp al, 0xff            ; all ones: a machine without this block (microvm)
        je .serial
        test ah, 1              ; the power button, seen only after obeyPowerButton
        jnz powerOff
.serial:
        mov dx, 0x3fd
        in al, dx
        test al, 1
        jz main
        mov dx, 0x3f8
        in al, dx
        mov bl, al
        mov si, table
.next:  lodsb
        test al, al
        jz echo
        mov ah, al
        push ax
        lodsw
        mov di, ax
        pop ax
        cmp ah, bl
        jne .next
        jmp di
echo:   mov al, bl
        call put
        jmp main

print:  lodsb
        test al, al
        jz .end
        call put
        jmp print
.end:   ret
put:    mov dx, 0x3f8
        out dx, al
        ret
get:    mov dx, 0x3fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dx, 0x3f8
        in al, dx
        ret

powerOff:
        mov ax, 0x2001
        jmp sleep
suspend:
        mov ax, 0x2401
        jmp sleep
hibernate:
        mov ax, 0x2801
sleep:  mov dx, 0x604
        out dx, ax
        jmp main
obeyPowerButton:
        mov dx, 0x602           ; PM1a enable, bit 8
        mov ax, 0x100
        out dx, ax
        mov al, 'g'
        call put
        jmp main
reset:  mov dx, 0xcf9
        mov al, 6
        out dx, al
        jmp halt
keyboardReset:
        mov al, 0xfe
        out 0x64, al
        jmp halt
tripleFault:
        push 0
        push 0
        push 0
        mov bp, sp
        lidt [bp]
        int3
panic:  mov al, 1
        jmp pvpanic
crashLoad:
        mov al, 2
        jmp pvpanic
pvShutdown:
        mov al, 4
pvpanic:
        mov dx, 0x505
        out dx, al
        jmp main
debugExit:
        call get
        mov dx, 0x501
        out dx, al
        jmp main
armWatchdog:
        mov dx, 0x443
        mov al, 14
        out dx, al
        jmp main
disarmWatchdog:
        mov dx, 0x441
        out dx, al
        jmp main
rtcWrite:
        mov al, 9
        out 0x70, al
        mov al, 0x30
        out 0x71, al
        jmp main
spin:   jmp spin
halt:   cli
        hlt
        jmp halt
`;

const DISK_COMMANDS = `
writeSector:
        mov ax, 0x0301
        jmp disk
readSector:
        mov ax, 0x0201
disk:   sti
        mov bx, 0x8000
        mov cx, 2               ; cylinder 0, sector 2, which is LBA 1
        mov dx, 0x80
        int 0x13
        cli
        mov al, '+'
        jnc .done
        mov al, '!'
.done:  call put
        jmp main
`;

const { writeSector, readSector, ...romCommands } = uniCommands;

function data(commands: Readonly<Record<string, string>>): string {
  const entries = Object.entries(commands).map(([label, letter]) => `
        db '${letter}'
        dw ${label}`);
  return `
ready:  db "READY", 10, 0
table:  ${entries.join("")}
        db 0
`;
}

/**
 * The guest that obeys, as firmware: wrap its code with `rom()`. It prints `READY` and a line feed on the first
 * serial port (30 to 40 ms after QEMU was started, 1 ms after a reset), then takes one-byte commands
 * ({@link uniCommands}) and echoes every other byte. It polls, at the cost of a whole core: tell it to halt,
 * or pause it, where that matters. On microvm only tripleFault, panic, debugExit and the echo work.
 *
 * @example
 * ```ts
 * import { rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".rom" });
 * await Deno.writeFile(path, rom(unirom.code));
 * assertEquals((await Deno.stat(path)).size, 65536); // qemu-system-x86_64 -bios PATH -serial stdio ...
 * await Deno.remove(path);
 * ```
 */
export const unirom: TinyGuest = defineGuest({
  name: "unirom",
  description: "Obeys one-byte commands on the first serial port, as firmware.",
  needs: [],
  source: `
        jmp 0xf000:start        ; leave the reset's code segment for the alias below 1 MiB
start:  mov ax, cs
        mov ds, ax
        xor ax, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
${SET_UP_POWER_MANAGEMENT}${COMMAND_LOOP}${data(romCommands)}`,
}, 0xfc00);

/**
 * The same guest as a boot sector: wrap its code with `bootSector()` or `diskImage()`. SeaBIOS runs before it,
 * which takes longer, and so it also has the commands that read and write a disk ({@link UniDiskCommands}).
 *
 * @example
 * ```ts
 * import { diskImage, uni, uniCommands } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(diskImage(uni.code).length, 1024 * 1024);
 * assertEquals(uniCommands.writeSector, "I");
 * ```
 */
export const uni: TinyGuest = defineGuest({
  name: "uni",
  description: "Obeys one-byte commands on the first serial port, as a boot sector, disk commands included.",
  needs: [],
  source: `
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
${COMMAND_LOOP}${DISK_COMMANDS}${data({ ...romCommands, writeSector, readSector })}`,
});
