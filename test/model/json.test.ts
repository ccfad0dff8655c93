import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { KmsError } from "../../src/base/errors.ts";
import { parseJson, readJsonObject } from "../../src/model/json.ts";

const read = (text: string): unknown => readJsonObject(utf8(text));

describe("a request body", () => {
  it("is an object, {} when it is empty", () => {
    expect(readJsonObject(new Uint8Array())).toEqual({});
    expect(read(' {"a" : [1, {"b":"c,:\\"{"}]}\n')).toEqual({ a: [1, { b: 'c,:"{' }] });
  });

  it.each(["[]", "null", '"a"', "1", "true"])("is refused when it is %s", (text) => {
    expect(() => read(text)).toThrow("The request body must be a JSON object.");
  });

  it.each([" ", "{", '{"a":1,}', "{'a':1}", '{"a":1}{}', "\ufeff{}", '{"a":NaN}', '{"a":"\n"}'])(
    "is refused as %j, without a word of it",
    (text) => expect(() => read(text)).toThrow(new KmsError("SerializationException", "bodyJson")),
  );

  it.each([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])(
    "is refused when it is not UTF-8: %s",
    (...octets) => {
      const body = Uint8Array.from([...utf8('{"a":"'), ...octets, ...utf8('"}')]);
      expect(() => readJsonObject(body)).toThrow("The request body is not UTF-8.");
    },
  );

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061":1,"b":{},"a" \t\n: 2}',
    '{"a":{"b":1,"b":2}}',
    '{"a":[[{"b":1},{"b":1,"c":[],"b":2}]]}',
    '{"":1,"":2}',
    '{"\\\\":1,"\\u005c":2}',
    '{"\\"":"\\\\","\\u0022":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"é":1,"\\u00e9":2}',
  ])("is refused for two members of the same name: %s", (text) => {
    expect(() => read(text)).toThrow("The request body has two members of the same name.");
  });

  it.each([
    '{"a":"a","b":"a"}',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a":"\\"a\\":1,","b":"\\\\"}',
    '{"a\\\\":1,"a":2,"\\"":3}',
    '{"a":["a","a",":"]}',
  ])("may have what only looks like it: %s", (text) => expect(read(text)).toEqual(JSON.parse(text)));

  it.each([
    '{"a":"\\ud800"}',
    '{"a":["\\udc00x"]}',
    '{"\\ud800":1}',
    '{"a":"\\ud83d\\u0041"}',
    '{"a":"\\ude00\\ud83d"}',
  ])("is refused for a lone surrogate: %s", (text) => expect(() => read(text)).toThrow("not well-formed Unicode"));

  it("may have surrogate pairs, escaped or not", () => {
    expect(read('{"a":"\\ud83d\\ude00😀"}')).toEqual({ a: "😀😀" });
  });

  it("nests no deeper than 32", () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth - 1)}[${"]"}${"}".repeat(depth - 1)}`;
    expect(read(nested(32))).toBeTypeOf("object");
    for (const depth of [33, 20_000]) {
      expect(() => read(nested(depth))).toThrow("The request body is nested too deeply.");
    }
  });

  it("with any JSON object is read as it was written", () => {
    const string = fc.string({ unit: fc.oneof(fc.constantFrom('"', "\\", ":", "{", "}", ",", "a"), fc.string()) });
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, string, fc.double(), fc.array(tie("tree")), fc.dictionary(string, tie("tree"))),
    }));
    fc.assert(
      fc.property(fc.dictionary(string, tree), fc.nat({ max: 2 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(JSON.stringify(read(text), undefined, indent)).toBe(text);
      }),
    );
  });

  it.each([
    ['{"b":1,"\\\\":1}', '{"b":1,"\\u0061":2}', { b: 1, a: 2 }],
    ['{"b":1,"\\\\u0":1}', '{"b":1,"\\u00e9bc":"~0"}', { b: 1, ébc: "~0" }],
    ['{"b":1,"\\\\\\"":1}', '{"b":1,"\\"a":[{"\\n":"\\n"}]}', { b: 1, '"a': [{ "\n": "\n" }] }],
    ['{"~":{"b":1,"\\\\":1}}', '{"~":{"b":1,"\\n":1,"~~0":2}}', { "~": { b: 1, "\n": 1, "~~0": 2 } }],
  ])("has its own names, whatever stood there in the text before: after %s, %s", (before, text, value) => {
    JSON.parse(before);
    expect(read(text)).toEqual(value);
    expect(parseJson(`[${text}]`)).toEqual([value]);
  });

  it("is refused for any name that is repeated, however it is escaped", () => {
    const escaped = (name: string, escapes: readonly boolean[]): string =>
      [...name]
        .map((unit, index) =>
          escapes[index % escapes.length] && unit.length === 1
            ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
            : JSON.stringify(unit).slice(1, -1),
        )
        .join("");
    const escapes = fc.array(fc.boolean(), { minLength: 1 });
    fc.assert(
      fc.property(fc.string(), escapes, escapes, fc.json(), (name, first, second, value) => {
        const text = `{"${escaped(name, first)}":${value},"${escaped(name, second)}":0}`;
        expect(() => read(text)).toThrow(KmsError);
      }),
    );
  });

  it("of any octets is read or refused, and never fails otherwise", () => {
    const syntax = fc
      .array(fc.constantFrom(...'{}[]",:\\u0d8a '), { maxLength: 40 })
      .map((units) => utf8(units.join("")));
    fc.assert(
      fc.property(fc.oneof(syntax, fc.uint8Array({ maxLength: 40 })), (body) => {
        try {
          readJsonObject(body);
        } catch (error) {
          expect(error).toBeInstanceOf(KmsError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
