import { expect, it } from "vitest";

import { evidence } from "../../testing/examples.ts";
import { findWords, markWords } from "./marks.ts";

/** `plain [marked] plain` */
function marked(text: string, ...words: string[]): string {
  const stretches = markWords(text, words.map((each) => evidence({ text: each })));
  return stretches.map((stretch) => (stretch.evidence.length > 0 ? `[${stretch.text}]` : stretch.text)).join("");
}

it.each([
  ["the words", "Please read me the code now.", ["read me the code"], "Please [read me the code] now."],
  ["whatever the case and accents", "Se me CAYÓ el teléfono.", ["cayo el telefono"], "Se me [CAYÓ el teléfono.]"],
  ["whatever the punctuation", "Read me, please: the code!", ["read me please the code"], "[Read me, please: the code!]"],
  ["with the punctuation that follows", "the code, so that", ["the code"], "[the code,] so that"],
  ["whole words before parts of words", "decode the code", ["code"], "decode the [code]"],
  ["several", "act fast and tell nobody", ["act fast", "tell nobody"], "[act fast] and [tell nobody]"],
  ["overlapping ones as one", "move it to a safe account", ["move it to a", "a safe account"], "[move it to a safe account]"],
  ["the whole, where they cannot be found", "I never said so.", ["something else"], "[I never said so.]"],
  ["nothing without evidence", "Good morning.", [], "Good morning."],
])("marks %s", (_, text, words, shown) => {
  expect(marked(text, ...words)).toBe(shown);
});

it("an overlap carries the evidence of both", () => {
  const both = [evidence({ code: "a", text: "a safe" }), evidence({ code: "b", text: "safe account" })];
  const found = markWords("a safe account", both).map((stretch) => stretch.evidence.map((piece) => piece.code));
  expect(found).toEqual([["a", "b"]]);
});

it("no letter is lost or doubled, whatever is marked", () => {
  const text = "¿Me dicta el código — el de 6 dígitos—? Straße, ﬁn, 👍🏽 ok.";
  for (const words of ["código", "strasse", "fin", "6 dígitos", "ok", "👍🏽", ""]) {
    expect(markWords(text, [evidence({ text: words })]).map((stretch) => stretch.text).join("")).toBe(text);
  }
});

it("words of nothing but punctuation are found nowhere", () => {
  expect(findWords("Well … yes", "…")).toBeNull();
});
