// Names that lead somewhere: a button for a neuron, a weight, a layer.
import { make, named } from "./elements.js";

function link(name, onclick, key) {
  return make("button", { type: "button", className: "link", onclick, dataset: { key } },
    named(name));
}

// A neuron's name to show how names are written.
export function exampleName(network) {
  const middle = network.layers.length >> 1;
  return network.name(network.ids(middle).findLast((id) => id >= 0) ?? 0);
}

export function neuronLink(explorer, id) {
  const name = explorer.network.name(id);
  const { layer } = explorer.network.locate(id);
  if (layer === null) return named(name);
  return link(name, () => explorer.choose(id), `neuron ${name}`);
}

export function weightLink(explorer, id) {
  const name = explorer.network.weightName(id);
  return link(name, () => explorer.pick(id), `weight ${name}`);
}

// Weights as a grid of buttons, coloured by value; dead and new ones marked, one of them pressed.
export function weightGrid(explorer, ids, { columns, label, top }) {
  const { network, scale } = explorer;
  const dead = network.dead();
  const cells = Array.from(ids, (id) => (id < 0 ? make("span")
    : weightCell(explorer, id, { top, dead: dead[id] === 1, scale })));
  return make("div", { className: "weights", role: "group", "aria-label": label,
    style: { gridTemplateColumns: `repeat(${columns}, 24px)` } }, ...cells);
}

function weightCell(explorer, id, { top, dead, scale }) {
  const { network } = explorer;
  const name = network.weightName(id);
  const value = network.values[id];
  const state = dead ? "weight.dead" : network.marked.has(id) ? "weight.new" : "weight.cell";
  return make("button", {
    type: "button", title: name, onclick: () => explorer.pick(id),
    className: dead ? "dead" : network.marked.has(id) ? "new" : "",
    "aria-label": explorer.text(state, { name, value: value.toPrecision(4) }),
    "aria-pressed": String(explorer.weight === id), dataset: { key: `cell ${name}` },
    style: { backgroundColor: scale.css(value, top), color: scale.over(value, top) },
  });
}
