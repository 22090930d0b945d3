import { assertEquals, assertThrows } from "@std/assert";
import { parseAddress } from "../../../src/cli/address.ts";
import { UsageError } from "../../../src/cli/command.ts";
import { formatAddress, type MonitorAddress } from "../../../src/qmp/mod.ts";

const unix = (path: string): MonitorAddress => ({ transport: "unix", path });
const tcp = (host: string, port: number): MonitorAddress => ({ transport: "tcp", host, port });

Deno.test("parseAddress() reads paths, abstract names, and hosts with ports", () => {
  const cases: [string, MonitorAddress][] = [
    ["unix:/run/vm/qmp", unix("/run/vm/qmp")],
    ["/run/vm/qmp", unix("/run/vm/qmp")],
    ["./qmp", unix("./qmp")],
    ["qmp.sock", unix("qmp.sock")],
    ["/run/a:1/qmp", unix("/run/a:1/qmp")],
    ["unix:a:1", unix("a:1")],
    ["@name", unix("\0name")],
    ["unix:@name", unix("\0name")],
    ["tcp:localhost:4444", tcp("localhost", 4444)],
    ["localhost:4444", tcp("localhost", 4444)],
    ["127.0.0.1:1", tcp("127.0.0.1", 1)],
    ["[::1]:65535", tcp("::1", 65535)],
    ["tcp:[fe80::1%eth0]:4444", tcp("fe80::1%eth0", 4444)],
    [":4444", tcp("localhost", 4444)],
    [`/${"x".repeat(106)}`, unix(`/${"x".repeat(106)}`)],
  ];
  for (const [text, address] of cases) assertEquals(parseAddress(text), address, text);
});

Deno.test("parseAddress() reads back what formatAddress() writes", () => {
  for (const address of [unix("/a"), unix("\0a"), tcp("h", 1), tcp("::1", 2)]) {
    assertEquals(parseAddress(formatAddress(address)), address);
  }
});

Deno.test("parseAddress() refuses what is no address, and says what one looks like", () => {
  const cases: [string, string][] = [
    ["", "there is no path in it"],
    ["unix:", "there is no path in it"],
    ["@", "there is no path in it"],
    ["4444", "localhost:4444"],
    ["localhost:", "expected a host, a colon and a port"],
    ["localhost:http", "expected a host, a colon and a port"],
    ["::1:4444", "expected a host, a colon and a port"],
    ["localhost:0", "expected 1 to 65535"],
    ["localhost:65536", "expected 1 to 65535"],
    ["stdio", "only the process that started QEMU"],
    ["unix:/a,server=on,wait=off", "leave them out"],
    [`/${"x".repeat(107)}`, "108 bytes, and at most 107"],
    [`/${"é".repeat(54)}`, "109 bytes"],
    ["/a\0b", "NUL"],
  ];
  for (const [text, message] of cases) {
    const error = assertThrows(() => parseAddress(text), UsageError, message);
    assertEquals(error.message.includes("unix:/path"), true, text);
  }
});
