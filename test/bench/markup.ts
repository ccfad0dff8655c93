import { expect } from "vitest";

/** Fails unless every element of `html` is closed in order, and nothing in it is fetched from elsewhere. */
export function expectSelfContained(html: string): void {
  const open: string[] = [];
  const body = html.replace(/^<!DOCTYPE html>\n/, "").replace(/<style>[^<]*<\/style>/, "");
  for (const [tag, closing, name = "", rest = "", selfClosing] of body.matchAll(/<(\/?)([\w-]*)([^<>]*?)(\/?)>/g)) {
    if (closing) expect(open.pop(), tag).toBe(name);
    else {
      expect(name, tag).not.toBe("");
      expect(rest, tag).toMatch(/^(\s+[\w:-]+="[^"<]*")*$/);
      if (!selfClosing) open.push(name);
    }
  }
  expect(open).toEqual([]);
  expect(body.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]|&(?!#\d+;)/);
  expect(html.replace('xmlns="http://www.w3.org/1999/xhtml"', "")).not.toMatch(
    /https?:|url\(|@import|<(script|link|img|iframe)\b|\ssrc=/,
  );
  expect(html).not.toMatch(/NaN|Infinity|undefined/);
}
