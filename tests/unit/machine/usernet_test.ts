import { assertEquals } from "@std/assert";
import { forwardsToRead, matchForwards, parseUsernet, type VmConfig } from "../../../src/machine/mod.ts";

/** As QEMU 7.2 answered for two user networks, with a connection open through one forward. */
const ANSWER = "Hub -1 (net0):\r\n" +
  "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
  "  TCP[ESTABLISHED]   12       127.0.0.1 43737       10.0.2.15    22     0     0\r\n" +
  "  TCP[HOST_FORWARD]   9       127.0.0.1 43737       10.0.2.15    22     0     0\r\n" +
  "  TCP[HOST_FORWARD]   8       127.0.0.1 43738       10.0.2.15    22     0     0\r\n" +
  "  UDP[HOST_FORWARD]   3               * 45507       10.0.2.20    53     0     0\r\n" +
  "Hub -1 (lab):\r\n" +
  "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
  "  TCP[HOST_FORWARD]   7       127.0.0.1 42205       10.0.2.15    22     0     0\r\n";

const CONFIG: VmConfig = {
  networks: [
    {
      type: "user",
      forward: [
        { guest: 22 },
        { host: 8080, guest: 80 },
        { host: 0, guest: 22 },
        { guest: 53, protocol: "udp", hostAddress: "0.0.0.0", guestAddress: "10.0.2.20" },
        { guest: 99 },
      ],
    },
    { type: "none" },
    { type: "user", id: "lab", forward: [{ guest: 22 }] },
    { type: "tap", ifname: "tap0" },
  ],
};

Deno.test("parseUsernet() reads each forward with its network, and nothing else", () => {
  assertEquals(
    parseUsernet(ANSWER).map((one) =>
      `${one.network} ${one.protocol} ${one.hostAddress}:${one.hostPort} ${one.guestAddress}:${one.guestPort}`
    ),
    [
      "net0 tcp 127.0.0.1:43737 10.0.2.15:22",
      "net0 tcp 127.0.0.1:43738 10.0.2.15:22",
      "net0 udp 0.0.0.0:45507 10.0.2.20:53",
      "lab tcp 127.0.0.1:42205 10.0.2.15:22",
    ],
  );
});

Deno.test("parseUsernet() finds nothing in the answers of a QEMU without a user network", () => {
  assertEquals(parseUsernet(""), []);
  assertEquals(parseUsernet("unknown command: 'info usernet'\r\n"), []);
});

Deno.test("forwardsToRead() gives the forwards whose host port is absent or 0", () => {
  assertEquals(forwardsToRead(CONFIG).map(({ path, network }) => [path, network]), [
    ["networks[0].forward[0]", "net0"],
    ["networks[0].forward[2]", "net0"],
    ["networks[0].forward[3]", "net0"],
    ["networks[0].forward[4]", "net0"],
    ["networks[2].forward[0]", "lab"],
  ]);
  assertEquals(forwardsToRead({}), []);
});

Deno.test("matchForwards() gives each forward a port of its own, and undefined where QEMU reports none", () => {
  const ports = matchForwards(forwardsToRead(CONFIG), parseUsernet(ANSWER)).map((one) => one?.hostPort);
  assertEquals(ports, [43737, 43738, 45507, undefined, 42205]);
});
