// deno-lint-ignore-file no-console -- an example talks to whoever runs it
// Take part in a QEMU that somebody else started: `deno run -A examples/attach.ts`
import { attach } from "@qeeper/qeeper";

// Somebody else: any QEMU with a QMP socket will do.
const folder = await Deno.makeTempDir();
const started = await new Deno.Command("qemu-system-x86_64", {
  args: ["-name", "theirs", "-machine", "none", "-display", "none", "-daemonize"]
    .concat("-qmp", `unix:${folder}/qmp,server=on,wait=off`),
}).output();
if (!started.success) throw new Error(new TextDecoder().decode(started.stderr));
{
  await using vm = await attach({ transport: "unix", path: `${folder}/qmp` });
  console.log(`${vm.name} is ${(await vm.status()).status}; its process is ${vm.pid ?? "not ours"}`);
  await vm.pause();
  console.log(`now it is ${(await vm.status()).status}`);
  await vm.resume();
} // letting go leaves it running

{
  await using vm = await attach({ transport: "unix", path: `${folder}/qmp` });
  const verdict = await vm.shutdown({ powerdownMs: 0 });
  console.log(`${verdict.cause}: ${verdict.detail}`);
}
await Deno.remove(folder, { recursive: true });
