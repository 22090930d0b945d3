// Half of the tests: `deno test --parallel` runs files side by side.
import { defineCloneTests } from "./clone_tests.ts";

defineCloneTests(0, 2);
