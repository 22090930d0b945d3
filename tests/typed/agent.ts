// The guest agent: right calls, and wrong ones beside. This is checked, never run.
import type { QgaClient } from "../../src/qga/mod.ts";

export async function callAgent(agent: QgaClient, anyName: string): Promise<void> {
  await agent.execute("guest-ping");
  // @ts-expect-error a misspelled command
  await agent.execute("guest-pin");
  // @ts-expect-error it takes no arguments
  await agent.execute("guest-ping", { id: 1 });
  await agent.execute("guest-ping", {}, { timeoutMs: 100 });
  // @ts-expect-error a misspelled option
  await agent.execute("guest-ping", {}, { timeout: 100 });
  const handle: number | bigint = await agent.execute("guest-file-open", { path: "/a", mode: "r" });
  // @ts-expect-error path is missing
  await agent.execute("guest-file-open");
  await agent.execute("guest-file-seek", { handle, offset: 0, whence: "set" });
  // @ts-expect-error no such place to count from
  await agent.execute("guest-file-seek", { handle, offset: 0, whence: "start" });
  await agent.execute("guest-exec", { path: "uname", "capture-output": "separated" });
  // @ts-expect-error the member is `arg`
  await agent.execute("guest-exec", { path: "uname", args: ["-r"] });
  await agent.execute("guest-shutdown");
  const release: string | undefined = (await agent.execute("guest-get-osinfo"))["kernel-release"];
  const untyped: unknown = await agent.execute(anyName, { release, any: "thing" });
  await agent.exec("tool", ["a"], { env: { A: "b" }, input: `${untyped}` });
  // @ts-expect-error a list of names and values is no record
  await agent.exec("tool", ["a"], { env: ["A=b"] });
}
