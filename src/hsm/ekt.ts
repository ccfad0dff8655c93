export * from "../model/ekt.ts";
