// The build replaces this module, since it compiles the schemas (scripts/build.ts).
export * as Type from "typebox/type";
