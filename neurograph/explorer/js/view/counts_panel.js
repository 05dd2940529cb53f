// The counts of every layer, by enumeration, beside what they were; the edits, to be taken back.
import { make, named, press, row, section, tabulated, whole } from "./elements.js";

const COLUMNS = ["neurons", "parameters", "used", "connections", "dead"];

export const countsPage = {
  key: "counts",
  title: "tab.counts",
  stale: ["values"],
  heading: (explorer) => explorer.text("counts.title"),
  draw(explorer) {
    const now = explorer.network.counts();
    const before = explorer.original.counts();
    const old = new Map(before.perLayer.map((layer) => [layer.name, layer]));
    const rows = now.perLayer.map((layer) => line(explorer, layer, old.get(layer.name), "td"));
    return [
      make("p", { className: "note", textContent: explorer.text("counts.how") }),
      tabulated({ className: "counts", caption: explorer.text("counts.caption"), rows,
        head: [explorer.text("counts.layer"), ...COLUMNS.map((c) => explorer.text(`counts.${c}`))],
        foot: [line(explorer, { ...now, name: null }, before, "th")] }),
      edits(explorer),
    ];
  },
};

function line(explorer, layer, before, tag) {
  const at = explorer.network.layers.findIndex(({ name }) => name === layer.name);
  const name = layer.name === null ? explorer.text("counts.total")
    : at < 0 ? layer.name : make("button", { type: "button", className: "link",
      onclick: () => explorer.openLayer(at), dataset: { key: `layer ${layer.name}` } },
    named(layer.name));
  const cells = COLUMNS.map((column) => cell(layer[column], before?.[column], column));
  const made = row(["", ...cells], "td");
  const first = make("th", { scope: "row" });
  first.append(name);
  made.firstChild.replaceWith(first);
  made.className = tag === "th" ? "total" : "";
  return made;
}

function cell(value, before, column) {
  const shown = make("span", { textContent: whole(value),
    className: column === "dead" && value ? "is-dead" : "" });
  if (before === undefined || before === value) return shown;
  const change = value - before;
  const sign = change > 0 ? "+" : "−";
  return make("span", {}, shown,
    make("small", { className: "change", textContent: ` ${sign}${whole(Math.abs(change))}` }));
}

function edits(explorer) {
  const { history } = explorer;
  if (!history.length) return make("p", { className: "note",
    textContent: explorer.text("edits.none") });
  const items = history.map(({ edit }) => make("li", {
    textContent: explorer.text(`edits.${edit.op}`, {
      name: edit.name ?? edit.label, value: edit.value?.toPrecision(4) }) }));
  return section(explorer.text("edits.title"), make("ol", {}, ...items),
    make("div", { className: "bar" },
      press(explorer.text("edits.undo"), () => explorer.undo(), { dataset: { key: "undo" } }),
      press(explorer.text("edits.undoAll"), () => explorer.undoAll(),
        { dataset: { key: "undo all" } })));
}
