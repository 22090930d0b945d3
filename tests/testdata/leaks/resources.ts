// Run by tests/integration/sanitizer_test.ts, which expects it to fail.
Deno.test("leaks a resource", async () => {
  await Deno.open(new URL(import.meta.url));
});
