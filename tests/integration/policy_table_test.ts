import { assertEquals } from "@std/assert";
import { withPolicyTable } from "../../tools/policy_table.ts";

Deno.test("README.md has the policy table of the code (deno run -A tools/policy_table.ts README.md)", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assertEquals(readme, withPolicyTable(readme));
});
