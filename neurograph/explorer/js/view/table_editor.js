// The connection table as boxes to tick: a column a map, a row a source map, as in Table I of 1998.
import { make, named } from "./elements.js";

function sourceName(explorer, { layer, map }) {
  return `${explorer.network.layers[layer].name}[${map}]`;
}

function box(explorer, table, map, source) {
  const name = sourceName(explorer, table.sources[source]);
  return make("input", {
    type: "checkbox", checked: table.reads[map][source], disabled: !table.editable,
    "aria-label": explorer.text("table.link", { map: String(map), source: name }),
    dataset: { key: `link ${map} ${source}` },
    onchange: () => {
      const reads = table.reads.map((row) => [...row]);
      reads[map][source] = !reads[map][source];
      const layer = explorer.network.layers[explorer.layer];
      explorer.edit({ op: "table", layer: explorer.layer, label: layer.name, reads });
    },
  });
}

// What an edit changed stands out: a link that was not there, or one that is gone.
function cell(explorer, { table, before }, map, source) {
  const now = table.reads[map][source];
  const changed = before && now !== before.reads[map]?.[source];
  const className = changed ? (now ? "new" : "gone") : "";
  return make("td", { className }, box(explorer, table, map, source));
}

export function tableEditor(explorer, layer, table) {
  const before = explorer.original.layers[explorer.layer].table;
  const head = make("tr", {}, make("td"), ...table.reads.map((_, map) =>
    make("th", { scope: "col", textContent: String(map) })));
  const rows = table.sources.map((source, at) => make("tr", {},
    make("th", { scope: "row" }, named(sourceName(explorer, source))),
    ...table.reads.map((_, map) => cell(explorer, { table, before }, map, at))));
  const links = table.reads.flat().filter(Boolean).length;
  const made = make("table", { className: "table-editor" },
    make("caption", { textContent: explorer.text("table.caption", {
      n: links, all: table.reads.flat().length, name: layer.name }) }),
    make("thead", {}, head), make("tbody", {}, ...rows));
  return make("div", { className: "scroll", tabIndex: 0, role: "region",
    "aria-label": explorer.text("table.title") }, made);
}
