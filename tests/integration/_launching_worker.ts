// A worker that launches a VM and tells what it launched.
import { launch } from "../../mod.ts";

/** What a worker's global object has; the tests are checked as scripts. */
interface WorkerScope {
  postMessage(message: unknown): void;
  onmessage: (event: MessageEvent<{ bios: string }>) => void;
}
const scope = self as unknown as WorkerScope;

scope.onmessage = async ({ data: { bios } }) => {
  const { pid, runDir } = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios } });
  scope.postMessage({ pid, runDir });
};
