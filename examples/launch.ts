// deno-lint-ignore-file no-console -- an example talks to whoever runs it
// Launch a VM, ask it something, and end it: `deno run -A examples/launch.ts`
import { launch } from "@qeeper/qeeper";

// At the end of this scope the VM is gone, whatever happens in between.
await using vm = await launch({ name: "first", machine: "q35", accel: "tcg", memoryMiB: 64 });

const { qemu } = vm.qmp.greeting.version;
const { status } = await vm.status();
const commands = await vm.qmp.execute("query-commands");
console.log(`${vm.name} is ${status} on QEMU ${qemu.major}.${qemu.minor}.${qemu.micro}, process ${vm.pid}`);
console.log(`This QEMU knows ${commands.length} commands; its command line was:`);
console.log(vm.argv?.join(" "));

const verdict = await vm.shutdown({ powerdownMs: 0 });
console.log(`It ended by ${verdict.rung}: ${verdict.detail}`);
