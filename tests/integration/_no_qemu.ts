// What is started in QEMU's place: listens where QEMU would, tells the launch that it does, and says on each monitor what its first argument
// says.
const [words = "", ...argv] = Deno.args;
const said = words.replaceAll("\\r", "\r").replaceAll("\\n", "\n");
const bytes = Uint8Array.from(said.replaceAll("\\xff", "\xff"), (char) => char.charCodeAt(0));

for (const arg of argv) {
  const path = /^socket,id=[^,]*,path=([^,]*),server=on/.exec(arg)?.[1];
  if (path === undefined) continue;
  const listener = Deno.listen({ transport: "unix", path });
  (async () => {
    for await (const connection of listener) {
      // Whoever has heard enough may have gone.
      await connection.write(bytes).catch(() => {});
    }
  })();
}

const tie = argv.map((arg) => /^socket,id=tie,path=([^,]*)/.exec(arg)?.[1]).find((path) =>
  path !== undefined
);
if (tie !== undefined) {
  using line = await Deno.connect({ transport: "unix", path: tie });
  await line.write(bytes);
}
