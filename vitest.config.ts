import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Left alone, vitest spares a core; more files than cores make the tests of deadlines late.
    maxWorkers: "100%",
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
