import { assertEquals } from "@std/assert";
import { configArch, configBinary, parseHelp } from "../../../src/machine/mod.ts";

const HELP = `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
Copyright (c) 2003-2022 Fabrice Bellard and the QEMU Project developers
usage: qemu-system-x86_64 [options] [disk_image]

Standard options:
-h or -help     display this help and exit
-machine [type=]name[,prop[=value][,...]]
                selects emulated machine ('-machine help' for list)
                -not-an-option at the start of its line
-fda/-fdb file  use 'file' as floppy disk 0/1 image
-sandbox on[,obsolete=allow|deny][,elevateprivileges=allow|deny|children]
          [,spawn=allow|deny][,resourcecontrol=allow|deny]
`;

Deno.test("parseHelp() reads the version and the options of a binary", () => {
  const { version, options, sandbox } = parseHelp(HELP);
  assertEquals(version, "7.2.22");
  assertEquals([...options], ["h", "help", "machine", "fda", "fdb", "sandbox"]);
  assertEquals(sandbox, true);
});

Deno.test("parseHelp() finds no version and no options in what is not QEMU's", () => {
  const { version, options, sandbox } = parseHelp("Usage: ls [OPTION]...\n  -sandbox, no option of ours\n");
  assertEquals([version, options.size, sandbox], [null, 0, false]);
});

Deno.test("configBinary() and configArch() follow the binary's name, then the architecture, then x86_64", () => {
  const cases: [{ binary?: string; arch?: string }, string, string][] = [
    [{}, "qemu-system-x86_64", "x86_64"],
    [{ arch: "aarch64" }, "qemu-system-aarch64", "aarch64"],
    [{ binary: "/opt/q/qemu-system-riscv64" }, "/opt/q/qemu-system-riscv64", "riscv64"],
    [{ binary: "qemu-system-x86_64-microvm" }, "qemu-system-x86_64-microvm", "x86_64"],
    [{ binary: "./qemu-kvm" }, "./qemu-kvm", "x86_64"],
    [{ binary: "./wrapper", arch: "s390x" }, "./wrapper", "s390x"],
    [{ binary: "/qemu-system-arm/bin/qemu" }, "/qemu-system-arm/bin/qemu", "x86_64"],
  ];
  for (const [config, binary, arch] of cases) {
    assertEquals([configBinary(config), configArch(config)], [binary, arch]);
  }
});
