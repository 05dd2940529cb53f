// One layer: what it computes, its weights as pictures, its connection table; shared or not.
import { largest } from "./colours.js";
import { make, named, number, press, section, whole } from "./elements.js";
import { Kernels } from "./kernels.js";
import { activationText } from "./neuron_panel.js";
import { tableEditor } from "./table_editor.js";

const COUNTED = ["neurons", "parameters", "used", "fixed", "connections", "bias", "dead"];

export const layerPage = {
  key: "layer",
  title: "tab.layer",
  stale: ["values", "theme"],
  heading: (explorer) => named(explorer.network.layers[explorer.layer].name),
  draw(explorer) {
    const layer = explorer.network.layers[explorer.layer];
    const arrays = explorer.network.arrays.filter(({ name }) => layer.arrays.includes(name));
    return [about(explorer, layer), facts(explorer), sharing(explorer, layer, arrays),
      ...editor(explorer, layer), ...arrays.map((array) => pictureOf(explorer, array))]
      .filter(Boolean);
  },
};

function about(explorer, layer) {
  const shape = layer.shape.join("×");
  if (layer.combine === null) {
    return make("p", { textContent: explorer.text("layer.input", { shape }) });
  }
  return make("p", { textContent: explorer.text(layer.activation === "identity" ? "layer.plain"
    : "layer.rule", {
    shape, type: layer.type, reduce: explorer.text(`reduce.${layer.reduce}`),
    combine: explorer.text(`combine.${layer.combine}`), activation: activationText(layer) }) });
}

function facts(explorer) {
  const row = explorer.network.counts().perLayer[explorer.layer];
  return make("dl", { className: "facts" }, ...COUNTED.map((key) => make("div",
    { className: key === "dead" && row[key] ? "is-dead" : "" },
    make("dt", { textContent: explorer.text(`counts.${key}`) }),
    make("dd", { textContent: whole(row[key]) }))));
}

function sharing(explorer, layer, arrays) {
  if (!arrays.length) return null;
  const message = make("p", { className: "note", role: "status" });
  const edit = (op) => press(explorer.text(`layer.${op}`), () => {
    try {
      explorer.edit({ op, layer: explorer.layer, label: layer.name });
    } catch (error) {
      message.textContent = error.message;
    }
  }, { dataset: { key: op } });
  const how = make("p", { className: "note", textContent: explorer.text("layer.sharing") });
  return make("div", {}, make("div", { className: "bar" }, edit("unshare"), edit("tie")), how,
    message);
}

function editor(explorer, layer) {
  const { table } = layer;
  if (!table || table.sources.length < 2 || table.sources.length * table.reads.length > 1024) {
    return [];
  }
  return [section(explorer.text("table.title"), tableEditor(explorer, layer, table))];
}

function pictureOf(explorer, array) {
  const top = number(largest(explorer.network.values, array.ids), 3);
  const title = `${array.name} ${array.shape.join("×")}`;
  return section(`${title} ${explorer.text("weights.scale", { top })}`,
    new Kernels(explorer, array).element);
}
