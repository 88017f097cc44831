"""Style sheet of the page: light, dark and print, in colours safe for colour-blind readers.

Blue and vermilion are those of Okabe and Ito (2008), lighter on a dark background; important marks
also differ in shape.
"""

CSS = """
:root { color-scheme: light dark;
  --ground: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --soft: #57606a; --line: #d5d9df;
  --accent: #0072b2; --other: #b34700; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14171b; --panel: #1d2126; --ink: #e8eaed; --soft: #a3abb5; --line: #383e46;
  --accent: #56b4e9; --other: #f0a04b; } }
@media print { :root { color-scheme: light;
  --ground: #ffffff; --panel: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb;
  --accent: #0072b2; --other: #b34700; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .3rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; }
.soft, figcaption { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .4rem .6rem; margin: .8rem 0 0; padding: 0;
  list-style: none; }
.facts li { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .2rem .6rem; font-size: .9rem; }
.notice { border: 2px solid var(--other); border-radius: 6px; padding: .5rem .8rem;
  margin: 1rem 0; max-width: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .22rem .55rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child, th.left, td.left { text-align: left; padding-left: 0; }
th.left, td.left { padding-left: .55rem; }
td.left { white-space: normal; min-width: 6rem; }
th.picture { text-align: center; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
td.picture { padding: 0 .5rem; }
figure { margin: .5rem 0 1rem; }
figcaption { font-size: .9rem; max-width: 46rem; }
.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr));
  gap: .6rem 1rem; margin-top: 1rem; }
.side { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: flex-start; }
svg { display: block; max-width: 100%; height: auto; }
.scroll svg { max-width: none; }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  fill: var(--ink); }
svg .tick { fill: var(--soft); } svg .faint { opacity: .75; font-size: 9px; }
svg .axis { fill: var(--soft); } svg .name { font-weight: 600; font-size: 13px; }
.grid { stroke: var(--line); stroke-width: 1; } .rail { stroke: var(--line); stroke-width: 1.5; }
.span { fill: var(--accent); fill-opacity: .35; }
.point { fill: var(--accent); stroke: var(--ground); stroke-width: 1.5; }
.point.few { fill: var(--ground); stroke: var(--accent); }
.baseline { stroke: var(--other); stroke-width: 2.5; }
.curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.ideal { fill: none; stroke: var(--other); stroke-width: 1.5; stroke-dasharray: 5 4; }
.before { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 1.5 3; }
.iso { fill: none; stroke: var(--soft); stroke-width: .75; opacity: .55; }
.bar { fill: var(--accent); fill-opacity: .55; }
.heat { fill: var(--accent); } .heat.right { stroke: var(--other); stroke-width: 2; }
svg .cell { font-size: 11px; }
@page { margin: 12mm; }
@media print { main { max-width: none; padding: 0; zoom: .6; } .scroll { overflow: visible; }
  h2, h3 { break-after: avoid; } figure, tr, .side > div { break-inside: avoid; } }
"""
