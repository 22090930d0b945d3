import { defineGuest, SET_UP_POWER_MANAGEMENT, type TinyGuest } from "./tiny_guest.ts";

const HALT = `
halt:   cli
        hlt
        jmp halt
`;

/**
 * The tiny guests, by what they do. All run in real mode, on pc and q35, as firmware (`rom()`), as a boot
 * sector (`bootSector()`) and from a disk (`diskImage()`), and start within a tenth of a second.
 */
export interface TinyGuests {
  /** Prints `OK` on the first serial port, then halts. */
  readonly printAndHalt: TinyGuest;
  /** Resets the machine by a triple fault. */
  readonly tripleFault: TinyGuest;
  /** Powers off through ACPI. */
  readonly powerOff: TinyGuest;
  /** Reports a panic through pvpanic, then halts. */
  readonly panic: TinyGuest;
  /** Runs in a circle for ever. */
  readonly spin: TinyGuest;
  /** Halts for ever with interrupts off. */
  readonly halt: TinyGuest;
  /** Sends back what it gets on the first serial port. */
  readonly echo: TinyGuest;
  /** Resets the machine through port 0xcf9. */
  readonly reset: TinyGuest;
  /** Resets the machine through the keyboard controller. */
  readonly keyboardReset: TinyGuest;
  /** Ends QEMU with exit code 33 through isa-debug-exit. */
  readonly debugExit: TinyGuest;
  /** Changes the year in the real-time clock, then halts. */
  readonly rtcWrite: TinyGuest;
  /** Arms the ib700 watchdog with 2 s and never feeds it. */
  readonly watchdog: TinyGuest;
}

/**
 * One guest for each way in which a virtual machine comes to its end, and a few that go on.
 *
 * @example The bytes of the guest that powers off, as firmware for `-bios`
 * ```ts
 * import { rom, tinyGuests } from "@qeeper/qeeper/testing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * assertEquals(rom(tinyGuests.powerOff.code).length, 64 * 1024);
 * assertEquals([...tinyGuests.panic.needs], ["-device", "pvpanic"]);
 * assert(tinyGuests.tripleFault.code.length < 16);
 * ```
 */
export const tinyGuests: TinyGuests = {
  printAndHalt: defineGuest({
    name: "print-and-halt",
    description: 'Prints "OK" and a line feed on the first serial port, then halts.',
    needs: [],
    source: `
        mov dx, 0x3f8
        mov al, 'O'
        out dx, al
        mov al, 'K'
        out dx, al
        mov al, 10
        out dx, al
${HALT}`,
  }),
  tripleFault: defineGuest({
    name: "triple-fault",
    description:
      "Takes an interrupt without an interrupt table: the processor faults three times and resets.",
    needs: [],
    source: `
        xor sp, sp
        push 0
        push 0
        push 0
        mov bp, sp
        lidt [bp]
        int3
`,
  }),
  powerOff: defineGuest({
    name: "power-off",
    description: "Powers the machine off through ACPI.",
    needs: [],
    source: `
${SET_UP_POWER_MANAGEMENT}
        mov dx, 0x604           ; PM1a control: sleep type 0 is S5, with sleep enable
        mov ax, 0x2000
        out dx, ax
${HALT}`,
  }),
  panic: defineGuest({
    name: "panic",
    description: "Tells the host through pvpanic that it panicked.",
    needs: ["-device", "pvpanic"],
    source: `
        mov dx, 0x505
        mov al, 1
        out dx, al
${HALT}`,
  }),
  spin: defineGuest({
    name: "spin",
    description: "Runs in a circle for ever, at the cost of a whole core.",
    needs: [],
    source: `
spin:   jmp spin
`,
  }),
  halt: defineGuest({
    name: "halt",
    description: "Halts for ever with interrupts off, at no cost.",
    needs: [],
    source: HALT,
  }),
  echo: defineGuest({
    name: "echo",
    description: "Sends back each byte that it gets on the first serial port.",
    needs: [],
    source: `
start:  mov dx, 0x3fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dx, 0x3f8
        in al, dx
        out dx, al
        jmp start
`,
  }),
  reset: defineGuest({
    name: "reset",
    description: "Resets the machine through the chip set's port 0xcf9.",
    needs: [],
    source: `
        mov dx, 0xcf9
        mov al, 6
        out dx, al
${HALT}`,
  }),
  keyboardReset: defineGuest({
    name: "keyboard-reset",
    description: "Resets the machine through the keyboard controller.",
    needs: [],
    source: `
        mov al, 0xfe
        out 0x64, al
${HALT}`,
  }),
  debugExit: defineGuest({
    name: "debug-exit",
    description: "Ends QEMU itself with exit code 33 through isa-debug-exit.",
    needs: ["-device", "isa-debug-exit"],
    source: `
        mov dx, 0x501
        mov al, 0x10            ; QEMU exits with twice this and one
        out dx, al
${HALT}`,
  }),
  rtcWrite: defineGuest({
    name: "rtc-write",
    description: "Changes the year in the real-time clock, then halts.",
    needs: [],
    source: `
        mov al, 9
        out 0x70, al
        mov al, 0x30
        out 0x71, al
${HALT}`,
  }),
  watchdog: defineGuest({
    name: "watchdog",
    description: "Arms the ib700 watchdog with 2 s and never feeds it.",
    needs: ["-device", "ib700"],
    source: `
        mov dx, 0x443
        mov al, 14
        out dx, al
${HALT}`,
  }),
};
