import { assertEquals } from "@std/assert";
import { assemble16, diskImage } from "../../src/testing/mod.ts";
import type { VmConfig } from "../../mod.ts";

/**
 * A boot sector that says `B` when it boots and then obeys: `+` adds one to a number in memory and says it, `w` writes the next byte to its
 * disk, `r` says what is there, `~` says digits in a circle for ever.
 */
const CODE = assemble16(`
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov byte [0x9000], '0'
        mov al, 'B'
        call put
main:   call get
        cmp al, '+'
        je add
        cmp al, 'w'
        je write
        cmp al, 'r'
        je read
        cmp al, '~'
        je count
        jmp main
add:    inc byte [0x9000]
        mov al, [0x9000]
        call put
        jmp main
write:  call get
        mov [0x8000], al
        mov ax, 0x0301
        call disk
        mov al, '!'
        call put
        jmp main
read:   mov ax, 0x0201
        call disk
        mov al, [0x8000]
        call put
        jmp main
count:  mov cl, '0'
.next:  mov al, cl
        call put
        inc cl
        cmp cl, '9'
        jbe .next
        jmp count
disk:   sti
        mov bx, 0x8000
        mov cx, 2
        mov dx, 0x80
        int 0x13
        cli
        ret
get:    mov dx, 0x3fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dx, 0x3f8
        in al, dx
        ret
put:    push ax
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 0x20
        jz .wait
        pop ax
        mov dx, 0x3f8
        out dx, al
        ret
`);

/** Writes the guest's disk, and gives the config that boots it. */
export async function snapshotGuest(dir: string, more: VmConfig = {}): Promise<VmConfig> {
  const file = `${dir}/disk.img`;
  await Deno.writeFile(file, diskImage(CODE));
  return { accel: "tcg", memoryMiB: 16, drives: [{ file }], ...more };
}

/** What of a VM is needed to talk to the guest. */
export interface Talkative {
  readonly console: {
    write(text: string): Promise<void>;
    expect(pattern: RegExp): Promise<{ text: string }>;
  };
}

/** Types a command, and gives the one character that the guest answers. */
export async function ask({ console }: Talkative, command: string): Promise<string> {
  await console.write(command);
  return (await console.expect(/[^]/)).text;
}

/** Brings the guest to where clones begin: `T` on its disk, 1 in its memory. */
export async function prepareGuest(vm: Talkative): Promise<void> {
  await vm.console.expect(/B/);
  assertEquals(await ask(vm, "wT"), "!");
  assertEquals(await ask(vm, "+"), "1");
}
