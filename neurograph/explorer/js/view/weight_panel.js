// One weight: its value, to be changed; its kernel with it marked; every connection that uses it.
import { largest } from "./colours.js";
import { labelled, make, named, number, parsed, press, row, section, tabulated }
  from "./elements.js";
import { gridOf } from "./layout.js";
import { neuronLink, weightGrid } from "./links.js";

const ROWS = 50; // connections shown at a time

export const weightPage = {
  key: "weight",
  title: "tab.weight",
  heading: (explorer) => (explorer.weight === null ? explorer.text("weight.none")
    : named(explorer.network.weightName(explorer.weight))),
  draw(explorer) {
    if (explorer.weight === null) return [make("p", { textContent: explorer.text("weight.how") })];
    const uses = explorer.network.uses(explorer.weight);
    return [about(explorer, uses), valueControls(explorer),
      section(explorer.text("weight.kernel"), kernelOf(explorer)), connections(explorer, uses)];
  },
};

function about(explorer, uses) {
  const { network, weight } = explorer;
  const marks = [explorer.text(network.trainable[weight] ? "weight.trainable" : "weight.fixed")];
  if (network.marked.has(weight)) marks.push(explorer.text("weight.isNew"));
  if (!uses.sources.length) marks.push(explorer.text("weight.isDead"));
  return make("div", { className: "summary" }, make("p", { className: "state" },
    make("strong", { textContent: uses.sources.length.toLocaleString("en-US") }),
    ` ${explorer.text("weight.uses", { n: uses.sources.length })}`),
  make("p", { textContent: marks.join(" · ") }));
}

// A slider and a field say the same value; states follow while it is moved.
function valueControls(explorer) {
  const { network, weight } = explorer;
  const value = network.values[weight];
  const reach = 2 * Math.max(1, Math.abs(value));
  const slider = make("input", { type: "range", min: -reach, max: reach, step: "any", value,
    "aria-label": explorer.text("weight.slider"), dataset: { key: "slider" } });
  const field = make("input", { value: exact(value), inputMode: "decimal",
    dataset: { key: "value" } });
  slider.addEventListener("input", () => {
    field.value = exact(Number(slider.value));
    explorer.setValue(weight, Number(slider.value));
  });
  field.addEventListener("change", () => {
    const wanted = parsed(field.value);
    field.setAttribute("aria-invalid", String(!Number.isFinite(wanted)));
    if (!Number.isFinite(wanted)) return;
    slider.value = wanted;
    explorer.setValue(weight, wanted);
  });
  return make("div", { className: "bar" }, labelled(explorer.text("weight.value"), field), slider,
    press(explorer.text("weight.zero"), () => {
      [slider.value, field.value] = [0, "0"];
      explorer.setValue(weight, 0);
    }));
}

function exact(value) {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

// The two last axes of its array: of a convolution the kernel, of a matrix the row.
function kernelOf(explorer) {
  const { network, weight } = explorer;
  const { array, position } = network.locateWeight(weight);
  const { ids, shape } = network.arrays[array];
  const size = shape.length > 2 ? shape.at(-1) * shape.at(-2) : shape.at(-1) ?? 1;
  const first = Math.floor(position / size) * size;
  const columns = shape.length > 2 ? shape.at(-1) : size <= 16 ? size : gridOf(size)[1];
  if (size > 900) return make("p", { textContent: explorer.text("weight.large", { n: size }) });
  const shown = ids.slice(first, first + size);
  return weightGrid(explorer, shown, { columns, label: explorer.text("weight.kernel"),
    top: largest(network.values, shown) });
}

function connections(explorer, { sources, targets }) {
  const box = make("div");
  const show = (start, turned) => {
    const rows = Array.from(sources.slice(start, start + ROWS), (source, i) => row([
      String(start + i + 1), neuronLink(explorer, source), neuronLink(explorer,
        targets[start + i]), number(explorer.states[source]), cutButton(explorer, source,
        targets[start + i])]));
    const pages = sources.length > ROWS ? turning(explorer, start, sources.length, show) : null;
    box.replaceChildren(tabulated({
      caption: explorer.text("uses.caption", { n: sources.length }), rows,
      head: ["number", "source", "target", "state", "cut"].map((k) => explorer.text(`terms.${k}`)),
    }), ...(pages ? [pages] : []));
    if (turned) box.querySelector(".turning button:not([disabled])")?.focus();
  };
  show(0, false);
  return box;
}

function turning(explorer, start, count, show) {
  const last = Math.min(start + ROWS, count);
  return make("div", { className: "bar turning" },
    press(explorer.text("uses.before"), () => show(start - ROWS, true), { disabled: start === 0 }),
    make("span", { textContent: explorer.text("uses.range",
      { from: start + 1, to: last, n: count }) }),
    press(explorer.text("uses.after"), () => show(start + ROWS, true),
      { disabled: last === count }));
}

function cutButton(explorer, source, target) {
  const label = explorer.text("terms.cutOne", { name: explorer.network.name(source) });
  return press("✂", () => explorer.edit({ op: "cut",
    connections: [{ source, weight: explorer.weight, target }] }),
  { className: "quiet", "aria-label": label, title: label });
}
