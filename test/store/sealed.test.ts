import { storeConformance } from "../conformance/store.ts";
import { Home } from "./home.ts";

storeConformance("the barrier over SQLite", async () => {
  const home = await Home.make();
  return { open: () => home.open(), dispose: async () => home.dispose() };
});
