// One neuron: the terms that add up to its state, its kernel, what it sees and what it feeds.
import { largest } from "./colours.js";
import { labelled, make, named, number, parsed, press, row, section, tabulated }
  from "./elements.js";
import { exampleName, neuronLink, weightGrid, weightLink } from "./links.js";

const ROWS = 30; // terms shown at first, and connections out

export const neuronPage = {
  key: "neuron",
  title: "tab.neuron",
  stale: ["states", "values"],
  heading: (explorer) => (explorer.neuron === null ? explorer.text("neuron.none")
    : named(explorer.network.name(explorer.neuron))),
  draw(explorer) {
    if (explorer.neuron === null) return [make("p", { textContent: explorer.text("neuron.how",
      { name: exampleName(explorer.network) }) })];
    const found = explorer.network.terms(explorer.neuron, explorer.states);
    const parts = [summary(explorer, found), views(explorer)];
    if (found.combine === null) parts.push(given(explorer));
    else parts.push(...kernels(explorer, found), termTable(explorer, found));
    return [...parts, fed(explorer)];
  },
};

export function activationText({ activation, parameters }) {
  return parameters.length ? `${activation}(${parameters.map((p) => number(p)).join(", ")})`
    : activation;
}

function summary(explorer, found) {
  const { network, neuron } = explorer;
  const counts = explorer.text("neuron.counts", {
    terms: found.terms.length, feeds: network.outgoing(neuron).targets.length,
    sees: network.receptive(neuron).length, reaches: network.projective(neuron).length,
  });
  const rule = found.combine === null ? explorer.text("neuron.input")
    : explorer.text(found.activation === "identity" ? "neuron.plain" : "neuron.rule", {
      reduce: explorer.text(`reduce.${found.reduce}`),
      combine: explorer.text(`combine.${found.combine}`), activation: activationText(found),
    });
  return make("div", { className: "summary" },
    make("p", { className: "state" }, `${explorer.text("neuron.state")} `,
      make("strong", { textContent: number(found.state) })),
    make("div", {}, make("p", { textContent: rule }), make("p", { textContent: counts })));
}

function views(explorer) {
  const choices = ["terms", "fields"].map((view) => press(explorer.text(`view.${view}`),
    () => explorer.show(view), { "aria-pressed": String(explorer.view === view),
      dataset: { key: `view ${view}` } }));
  return make("div", { className: "bar", role: "group", "aria-label": explorer.text("view.label") },
    make("span", { className: "note", textContent: explorer.text("view.label") }), ...choices);
}

function given(explorer) {
  const { network, neuron, states } = explorer;
  const { layer, position } = network.locate(neuron);
  const which = network.inputs.indexOf(layer);
  const input = make("input", { value: number(states[neuron]), inputMode: "decimal",
    dataset: { key: "given" }, onchange: () => {
      const value = parsed(input.value);
      if (!Number.isFinite(value)) {
        input.setAttribute("aria-invalid", "true");
        return;
      }
      const values = Float64Array.from(explorer.inputs[which]);
      values[position] = value;
      explorer.feed(values, which);
    } });
  return labelled(explorer.text("neuron.set"), input);
}

// The kernel as it lies on the source maps: one grid a map.
function kernels(explorer, found) {
  const maps = new Map();
  for (const term of found.terms) {
    const at = explorer.network.locate(term.source);
    if (at.layer === null || at.index.length < 2) continue;
    const key = `${at.layer} ${at.index.slice(0, -2)}`;
    if (!maps.has(key)) maps.set(key, { layer: at.layer, map: at.index.slice(0, -2), terms: [] });
    maps.get(key).terms.push({ id: term.weight, down: at.index.at(-2), across: at.index.at(-1) });
  }
  const top = largest(explorer.network.values, found.terms.map((term) => term.weight));
  const grids = [...maps.values()].map((one) => kernel(explorer, one, top)).filter(Boolean);
  const buttons = grids.reduce((sum, grid) => sum + grid.childElementCount, 0);
  if (!grids.length || buttons > 600) return [];
  const title = `${explorer.text("neuron.kernel")} ${explorer.text("weights.scale",
    { top: number(top, 3) })}`;
  return [section(title, make("div", { className: "kernels" }, ...grids))];
}

function kernel(explorer, { layer, map, terms }, top) {
  const rows = terms.map((term) => term.down);
  const columns = terms.map((term) => term.across);
  const [first, left] = [Math.min(...rows), Math.min(...columns)];
  const width = Math.max(...columns) - left + 1;
  const height = Math.max(...rows) - first + 1;
  if (width > 12 || height > 12 || (width === 1 && height === 1)) return null;
  const ids = new Array(width * height).fill(-1);
  for (const term of terms) ids[(term.down - first) * width + term.across - left] = term.id;
  const name = explorer.network.layers[layer].name + (map.length ? `[${map.join(", ")}]` : "");
  const label = explorer.text("neuron.kernelOn", { name });
  return make("figure", {}, weightGrid(explorer, ids, { columns: width, label, top }),
    make("figcaption", {}, named(name)));
}

function termTable(explorer, found) {
  const all = explorer.allTerms === explorer.neuron;
  const shown = all ? found.terms : found.terms.slice(0, ROWS);
  const head = ["source", "state", "weight", "value", "product", "cut"]
    .map((key) => explorer.text(`terms.${key}`));
  const table = tabulated({
    className: "terms", caption: explorer.text("terms.caption", { n: found.terms.length }), head,
    rows: shown.map((term) => termRow(explorer, term)),
    foot: footRows(explorer, found, shown.length),
  });
  if (all || found.terms.length <= ROWS) return table;
  const more = press(explorer.text("terms.all", { n: found.terms.length }), () => {
    explorer.allTerms = explorer.neuron;
    explorer.told("choice");
  }, { dataset: { key: "all terms" } });
  return make("div", {}, table, more);
}

function termRow(explorer, term) {
  const { neuron } = explorer;
  const name = explorer.network.name(term.source);
  const cut = press("✂", () => explorer.edit({ op: "cut",
    connections: [{ source: term.source, weight: term.weight, target: neuron }] }),
  { className: "quiet", "aria-label": explorer.text("terms.cutOne", { name }),
    title: explorer.text("terms.cutOne", { name }) });
  const product = make("span", { className: term.product < 0 ? "below" : "above",
    textContent: number(term.product) });
  return row([neuronLink(explorer, term.source), number(term.state),
    weightLink(explorer, term.weight), number(term.value), product, cut]);
}

function footRows(explorer, found, shown) {
  const line = (text, value) => make("tr", {},
    make("th", { scope: "row", colSpan: 4, textContent: text }),
    make("td", { textContent: number(value) }), make("td"));
  const rest = found.terms.slice(shown);
  const lines = [];
  if (rest.length && found.reduce === "sum") {
    lines.push(line(explorer.text("terms.rest", { n: rest.length }),
      rest.reduce((sum, term) => sum + term.product, 0)));
  }
  lines.push(line(explorer.text(`terms.net.${found.reduce}`), found.net));
  lines.push(line(explorer.text("terms.result", { activation: activationText(found) }),
    found.state));
  return lines;
}

function fed(explorer) {
  const { targets, weights } = explorer.network.outgoing(explorer.neuron);
  if (!targets.length) return make("p", { textContent: explorer.text("neuron.feedsNone") });
  const rows = Array.from(targets.slice(0, ROWS), (target, i) => row([
    neuronLink(explorer, target), weightLink(explorer, weights[i]),
    number(explorer.network.values[weights[i]])]));
  const rest = targets.length - rows.length;
  return make("div", {}, tabulated({
    caption: explorer.text("feeds.caption", { n: targets.length }),
    head: ["target", "weight", "value"].map((key) => explorer.text(`terms.${key}`)), rows,
  }), rest ? make("p", { className: "note", textContent: explorer.text("feeds.more", { n: rest }) })
    : null);
}
