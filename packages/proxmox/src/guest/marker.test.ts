import { expect, it } from "@jest/globals";
import { readMarker, withMarker, withoutMarker } from "./marker.ts";

const MARKER = { owner: "us", name: "web" };
const LINE = "<!-- nixops4: owner=us name=web -->";

it.each([
  ["", LINE],
  ["Notes\n", `Notes\n\n${LINE}`],
])("is below the notes %j, and can be taken away", (notes, text) => {
  expect(withMarker(notes, MARKER)).toBe(text);
  expect(readMarker(text)).toEqual(MARKER);
  expect(withoutMarker(text)).toBe(notes.trimEnd());
});

it.each([undefined, "", "Notes", "<!-- nixops4: owner= name= -->"])("is not in %j", (text) => {
  expect(readMarker(text)).toBeUndefined();
});
