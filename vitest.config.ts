import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Files wait for other processes more than they compute; left alone, vitest spares a core for whoever watches.
    maxWorkers: "100%",
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
