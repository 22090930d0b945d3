// deno-lint-ignore-file no-console -- an example talks to whoever runs it
// Talk to a guest over its serial console: `deno run -A examples/console_expect.ts`
import { launch } from "@qeeper/qeeper";
import { rom, unirom } from "@qeeper/qeeper/testing";

const folder = await Deno.makeTempDir();
await Deno.writeFile(`${folder}/guest.rom`, rom(unirom.code));
{
  await using vm = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios: `${folder}/guest.rom` } });
  if (vm.console === null) throw new Error("This machine has a serial port");

  // Not a byte is missed: the console is connected before the guest's first instruction.
  await vm.console.expect("READY", { timeoutMs: 5_000 });
  // This guest echoes what is no command of its own.
  await vm.console.write("1234");
  const { text } = await vm.console.expect(/1\d+4/, { timeoutMs: 5_000 });
  console.log(`The guest answered ${text}`);

  await vm.console.write("P"); // its command to power itself off
  const verdict = await vm.stopped;
  console.log(`${verdict.cause}: ${verdict.detail}; it had said ${JSON.stringify(vm.console.transcript)}`);
}
await Deno.remove(folder, { recursive: true });
