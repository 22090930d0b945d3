import { assertEquals } from "@std/assert";
import { policyTable, withPolicyTable } from "../../../tools/policy_table.ts";

Deno.test("policyTable() says for each cause what follows under each restart word", () => {
  assertEquals(
    policyTable(),
    `\
| Cause            | is a      | \`no\`     | \`on-success\` | \`on-failure\` | \`on-abnormal\` | \`always\` |
| ---------------- | --------- | -------- | ------------ | ------------ | ------------- | -------- |
| \`guest-shutdown\` | success   | stop     | restart      | stop         | stop          | restart  |
| \`guest-reset\`    | success   | stop     | restart      | stop         | stop          | restart  |
| \`host-quit\`      | success   | stop     | restart      | stop         | stop          | restart  |
| \`host-signal\`    | success   | stop     | restart      | stop         | stop          | restart  |
| \`guest-panic\`    | failure   | stop     | stop         | restart      | stop          | restart  |
| \`launch-failed\`  | failure   | stop     | stop         | restart      | stop          | restart  |
| \`watchdog\`       | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`internal-error\` | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`killed\`         | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`crashed\`        | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`unresponsive\`   | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`lost\`           | abnormal  | stop     | stop         | restart      | restart       | restart  |
| a triple fault   | abnormal  | stop     | stop         | restart      | restart       | restart  |
| \`io-error\`       | attention | preserve | preserve     | preserve     | preserve      | preserve |
`,
  );
});

Deno.test("withPolicyTable() puts the table between the markers, in the place of an older one", () => {
  const expected = `before\n\n<!-- policy-table -->\n\n${policyTable()}\n<!-- /policy-table -->\n\nafter\n`;
  for (const old of ["", "\nan older table\n"]) {
    const text = `before\n\n<!-- policy-table -->\n${old}<!-- /policy-table -->\n\nafter\n`;
    assertEquals(withPolicyTable(text), expected);
  }
  assertEquals(withPolicyTable(expected), expected);
});

Deno.test("withPolicyTable() finds no place in a text without markers", () => {
  assertEquals(withPolicyTable("# A page\n"), null);
});
