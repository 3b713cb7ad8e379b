"""How pages look: in daylight and at night, on a desk and on a phone, with a pointer and with a keyboard."""

STYLE = """\
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2129; --soft: #565d6b; --line: #d9dde4; --shade: #f4f6f9; --link: #1a56a8;
  --right: #00795a; --wrong: #b84a00; --true: #1a56a8;
  --line-1: #1a56a8; --line-2: #b84a00; --line-3: #00795a; --line-4: #8a3b8f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --ink: #e6e9ef; --soft: #a4adbb; --line: #363c47; --shade: #1d2129; --link: #8ab8f5;
    --right: #3fc39a; --wrong: #f08c46; --true: #8ab8f5;
    --line-1: #8ab8f5; --line-2: #f08c46; --line-3: #3fc39a; --line-4: #d59bd9;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; background: var(--paper); padding: .5rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875rem; }
pre { background: var(--shade); padding: .75rem; overflow-x: auto; overflow-wrap: normal; max-height: 40rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; max-width: 46rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
tbody th[scope=row] { font-weight: 400; }
thead th { color: var(--soft); font-weight: 400; }
td, thead th + th { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
td.text { text-align: left; overflow-wrap: anywhere; }
table.listing { table-layout: fixed; }
.listing th { width: 35%; }
.listing caption { color: var(--ink); font-weight: 600; }
tr.group th { background: var(--shade); font-weight: 400; font-size: .9rem; }
small { display: block; color: var(--soft); font-size: .85rem; }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
figure { margin: 1rem 0; }
figure > img { max-width: 100%; height: auto; background: #fff; }
figcaption, footer { color: var(--soft); font-size: .9rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); }

.tile { display: block; }
.place { display: block; width: 100%; background: var(--shade); }
.place img { display: block; width: 100%; height: 100%; cursor: zoom-in; }
.label { display: block; font-size: .8rem; line-height: 1.3; text-align: center; color: var(--soft); padding-top: 5px; }
.right .place, .wrong .place, .true .place { outline: 3px solid; outline-offset: 1px; }
.right .place { outline-color: var(--right); }
.wrong .place { outline: 2px dashed var(--wrong); }
.true .place { outline-color: var(--true); }
.right .label { color: var(--right); } .wrong .label { color: var(--wrong); }
.place:hover img, .place img:focus {
  position: fixed; z-index: 9; right: 1rem; bottom: 1rem; width: auto; height: min(60vh, 26rem); cursor: zoom-out;
  max-width: calc(100vw - 2rem); outline: 3px solid var(--link); box-shadow: 0 .5rem 2rem rgba(0, 0, 0, .5);
  pointer-events: none;
}
ol.tiles { list-style: none; display: flex; flex-wrap: wrap; gap: 1rem .75rem; margin: .5rem 0 1.5rem; padding: 4px; }
ol.tiles > li { width: 4.25rem; }
table.pictures { max-width: 44rem; table-layout: fixed; border-collapse: separate; border-spacing: 2px; }
table.pictures th, table.pictures td { padding: 1px; border: 0; }
table.pictures th.corner { vertical-align: middle; text-align: center; font-size: .75rem; }
table.pictures thead th { padding-bottom: .6rem; }
table.pictures tbody th { padding-right: .6rem; }

.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: 1rem; }
.charts figure { margin: 0; }
figure.chart { max-width: 30rem; }
.chart svg { display: block; width: 100%; height: auto; }
.chart figcaption { color: var(--ink); }
.chart text { fill: var(--soft); font-size: 9px; }
.charts .chart text { font-size: 13px; }
.chart .axis { stroke: var(--line); stroke-width: 1; fill: none; }
.chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart polygon { opacity: .25; stroke: none; }
.chart .series-1 { stroke: var(--line-1); fill: var(--line-1); }
.chart .series-2 { stroke: var(--line-2); fill: var(--line-2); stroke-dasharray: 7 4; }
.chart .series-3 { stroke: var(--line-3); fill: var(--line-3); stroke-dasharray: 2 3; }
.chart .series-4 { stroke: var(--line-4); fill: var(--line-4); stroke-dasharray: 9 3 2 3; }
.chart polyline.series-1, .chart polyline.series-2, .chart polyline.series-3, .chart polyline.series-4 { fill: none; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .25rem 0; padding: 0; }
.legend svg { display: inline-block; width: 2.5rem; height: .75rem; vertical-align: middle; margin-right: .4rem; }
@media (max-width: 34rem) {
  body { padding: .75rem; }
  table.pictures th.corner { font-size: 0; }
  table.pictures thead th { padding-bottom: .3rem; }
  table.pictures tbody th { padding-right: .3rem; }
}
@media print { .place, figure > img { print-color-adjust: exact; } nav, .skip { display: none; } }
"""
