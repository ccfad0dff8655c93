import { xml } from "./plot.ts";
import type { Report } from "./report.ts";

export interface Figure {
  readonly title: string;
  readonly text: string;
  /** An `svg` element: plot.ts. */
  readonly svg: string;
  /** Under the plot, one a line. */
  readonly findings?: readonly string[];
  /** The figures themselves, heads first, folded. */
  readonly table: readonly (readonly string[])[];
}

export interface Page {
  readonly title: string;
  readonly text: string;
  /** A figure and what it says, for whoever looks for a moment. */
  readonly tiles: readonly { readonly value: string; readonly text: string }[];
  readonly figures: readonly Figure[];
  /** How the figures were taken. */
  readonly notes: readonly string[];
}

/** One file, well-formed as XML, that needs nothing else. It follows the reader's choice of light or dark. */
export function page(
  { title, text, tiles, figures, notes }: Page,
  { machine, node }: Pick<Report, "machine" | "node">,
): string {
  return `<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${xml(title)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${xml(title)}</h1><p>${xml(text)}</p></header>
<div class="tiles">${tiles.map(tile).join("")}</div>
<main>
${figures.map(section).join("\n")}
</main>
<footer><h2>How it was measured</h2><ul>${[...notes, `${machine}; Node ${node}`].map(item).join("")}</ul></footer>
</body>
</html>
`;
}

const tile = ({ value, text }: Page["tiles"][number]): string =>
  `<div><strong>${xml(value)}</strong><span>${xml(text)}</span></div>`;

const item = (text: string): string => `<li>${xml(text)}</li>`;

function section({ title, text, svg, findings = [], table }: Figure): string {
  const [heads = [], ...rows] = table;
  const list = findings.length === 0 ? "" : `<ul class="findings">${findings.map(item).join("")}</ul>`;
  const cells = (row: readonly string[], tag: "th" | "td"): string =>
    `<tr>${row.map((cell) => `<${tag}>${xml(cell)}</${tag}>`).join("")}</tr>`;
  return `<section><h2>${xml(title)}</h2><p>${xml(text)}</p>
<figure>${svg}</figure>${list}
<details><summary>Figures</summary><div class="wide"><table><thead>${cells(heads, "th")}</thead><tbody>${rows
    .map((row) => cells(row, "td"))
    .join("")}</tbody></table></div></details></section>`;
}

/** Light, dark: eight hues that stay apart for the colour-blind. */
const palette = [
  ["#2a78d6", "#5a9df0"],
  ["#008300", "#3fae4a"],
  ["#eb6834", "#ec7d4c"],
  ["#4a3aa7", "#9f95ee"],
  ["#d4578a", "#e27aa6"],
  ["#12966a", "#2bb98b"],
  ["#b98000", "#d9a02a"],
  ["#6b6b66", "#a3a29b"],
] as const;

const style = `
:root { color-scheme: light dark; --paper: light-dark(#fcfcfb, #16161a); --card: light-dark(#ffffff, #1e1e23);
  --ink: light-dark(#16161a, #f2f1ee); --soft: light-dark(#5b5a55, #a9a8a1); --rule: light-dark(#e6e5df, #33333a); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 0 0 .2rem; }
p { margin: 0; color: var(--soft); max-width: 44rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.75rem 0; }
.tiles div, section { background: var(--card); border: 1px solid var(--rule); border-radius: .75rem; }
.tiles div { padding: .9rem 1rem; }
.tiles strong { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .875rem; line-height: 1.35; display: block; }
section { padding: 1.25rem 1.25rem 1rem; margin-bottom: 1.25rem; }
figure { margin: 1rem 0 0; }
svg { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--rule); }
.tick { font-variant-numeric: tabular-nums; }
.line path { fill: none; stroke: var(--c); stroke-width: 2.25; stroke-linejoin: round; }
.line.dashed path:first-child { stroke-dasharray: 5 4; }
.line path.spread { stroke-width: 6; opacity: .28; }
.line circle { fill: var(--c); stroke: var(--card); stroke-width: 1.5; }
.leader { stroke: var(--c); fill: none; opacity: .5; }
.name { fill: var(--ink); }
.mark circle { fill: var(--card); fill-opacity: .4; stroke: var(--ink); stroke-width: 1.75; }
.halo { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4; stroke-linejoin: round; }
.findings, footer ul { color: var(--soft); font-size: .9rem; margin: .75rem 0 0; padding-left: 1.2rem; }
details { margin-top: .75rem; font-size: .875rem; }
summary { cursor: pointer; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin-top: .5rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
footer { margin-top: 2rem; }
${palette.map(([light, dark], i) => `.c${i} { --c: light-dark(${light}, ${dark}); }`).join("\n")}
`;
