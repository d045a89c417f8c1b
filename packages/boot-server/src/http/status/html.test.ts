import { describe, expect, it } from "@jest/globals";
import { escapeText, html, onLines, trusted } from "./html.ts";

describe("html", () => {
  it("escapes values in content and attributes, and not what is HTML already", () => {
    const hostile = `<script>"&'`;
    expect(html`<p title="${hostile}">${html`<b>${hostile}</b>`}</p>`.text).toBe(
      `<p title="&#60;script&#62;&#34;&#38;&#39;"><b>&#60;script&#62;&#34;&#38;&#39;</b></p>`,
    );
  });

  it("joins lists and leaves out what is not there", () => {
    expect(html`${[1, html`<br />`, ["x"]]}|${undefined}${false}|${0}${""}`.text).toBe("1<br />x||0");
  });

  it("puts in what is trusted as it is", () => {
    expect(html`${trusted("a > b {}")}`.text).toBe("a > b {}");
  });
});

describe("escapeText", () => {
  it.each([
    ["\u001b[31m\u0000\r\n", "\u241b[31m\u2400\u240d\u240a"],
    ["\u007f\u0085", "\u2421\u2039U+0085\u203a"],
    ["user\u202egnp.exe\u2066", "user\u2039U+202E\u203agnp.exe\u2039U+2066\u203a"],
    ["half \ud83d", "half \u2039U+D83D\u203a"],
    ["tab\tש\u05dc\u05d5\u05dd 💽 naïve", "tab\tש\u05dc\u05d5\u05dd 💽 naïve"],
  ])("shows what would not be seen in %j", (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });
});

it("puts each string on a line of its own, whatever is in it", () => {
  expect(onLines(["a\nb", "<c>"]).text).toBe("a\u240ab\n&#60;c&#62;");
});
