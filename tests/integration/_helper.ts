// A helper to test with: `_helper.ts HOW SOCKET`.
// deno-lint-ignore-file no-console -- a helper talks to whoever reads its log
const [how = "", path = ""] = Deno.args;

/** Serves clients until each goes; with `once` it ends with its first client, as virtiofsd does. */
async function serve(once: boolean): Promise<void> {
  using listener = Deno.listen({ transport: "unix", path });
  console.error(`listening in ${Deno.cwd()}`);
  Deno.addSignalListener("SIGTERM", async () => {
    // A client that has gone before is told of before.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    console.error("told to end");
    Deno.exit();
  });
  for await (const client of listener) {
    try {
      while (await client.read(new Uint8Array(1024)) !== null);
    } catch {
      // It was torn away.
    }
    client.close();
    console.error("a client has gone");
    if (once) Deno.exit();
  }
}

switch (how) {
  case "serve":
  case "once":
    await serve(how === "once");
    break;
  case "fail":
    console.error("something is missing");
    Deno.exit(3);
    break;
}
