import { assertEquals, assertThrows } from "@std/assert";
import { seedFiles } from "../../../../src/testing/guests/nocloud_seed.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtlMWa+OK8 me@here";

Deno.test("seedFiles() has the two files that a seed must have, when nothing is asked for", () => {
  assertEquals(seedFiles("i", {}), {
    "meta-data": '{\n  "instance-id": "i"\n}\n',
    "user-data": "#cloud-config\n{}\n",
  });
});

Deno.test("seedFiles() tells the guest its name, its keys and its network, and what is wanted of it", () => {
  const files = seedFiles("i", {
    hostname: "web.example",
    sshKeys: [`${KEY}\n`],
    metaData: { place: "here" },
    network: { version: 2, ethernets: { eth0: { dhcp4: true } } },
    userData: { runcmd: ["true"] },
    vendorData: "#!/bin/sh\n",
  });
  assertEquals(JSON.parse(files["meta-data"] ?? ""), {
    "instance-id": "i",
    "local-hostname": "web.example",
    "public-keys": [KEY],
    place: "here",
  });
  assertEquals(JSON.parse(files["network-config"] ?? ""), {
    version: 2,
    ethernets: { eth0: { dhcp4: true } },
  });
  const [first, ...rest] = (files["user-data"] ?? "").split("\n");
  assertEquals([first, JSON.parse(rest.join("\n"))], ["#cloud-config", { runcmd: ["true"] }]);
  assertEquals(files["vendor-data"], "#!/bin/sh\n");
});

Deno.test("seedFiles() takes texts as they are", () => {
  for (
    const userData of [
      "",
      "#cloud-config\na: 1\n",
      "#!/bin/sh\n",
      "## template: jinja\n",
      "MIME-Version: 1.0\n",
    ]
  ) {
    assertEquals(seedFiles("i", { userData })["user-data"], userData);
  }
  assertEquals(seedFiles("i", { network: "version: 2\n" })["network-config"], "version: 2\n");
});

Deno.test("seedFiles() refuses what cloud-init would pass over in silence, and shows no private key", () => {
  assertThrows(
    () => seedFiles("i", { userData: "runcmd:\n- true\n" }),
    TypeError,
    `its first line is "runcmd:"`,
  );
  assertThrows(() => seedFiles("i", { hostname: "a b" }), TypeError, `Cannot name the guest "a b"`);
  const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n";
  assertThrows(
    () => seedFiles("i", { sshKeys: [KEY, secret] }),
    TypeError,
    "Cannot give the guest a private key",
  );
});
