// The build replaces this module: the schemas are ready-made then (scripts/build.ts).
export * as Type from "typebox/type";
