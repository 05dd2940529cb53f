// The parts of the explorer, put together in an element of a page or of a notebook.
import { Captions } from "./captions.js";
import { Scale } from "./colours.js";
import { countsPage } from "./counts_panel.js";
import { make, number, Texts } from "./elements.js";
import { exercisePage, exercisesFor } from "./exercise_panel.js";
import { Explorer } from "./explorer.js";
import { Header } from "./header.js";
import { helpPage } from "./help_panel.js";
import { layerPage } from "./layer_panel.js";
import { Legend } from "./legend.js";
import { Link } from "./link.js";
import { Magnified } from "./magnified.js";
import { neuronPage } from "./neuron_panel.js";
import { Outputs } from "./outputs.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { InputPart } from "./samples.js";
import { weightPage } from "./weight_panel.js";

// The theme that is asked for, or the one around: JupyterLab's own, else the system's.
function resolved(wanted) {
  if (wanted !== "auto") return wanted;
  const lab = document.body.dataset.jpThemeLight;
  if (lab !== undefined) return lab === "false" ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function themer(explorer, root) {
  let wanted = "auto";
  const apply = () => {
    const theme = resolved(wanted);
    root.dataset.theme = theme;
    explorer.scale = new Scale(theme);
    explorer.told("theme");
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  return (theme) => {
    wanted = theme;
    apply();
  };
}

// What is chosen, said to those who do not see it.
class Spoken {
  constructor(explorer) {
    this.explorer = explorer;
    this.element = make("p", { role: "status", className: "spoken" });
  }

  update(changes) {
    if (!changes.has("choice")) return;
    const { explorer } = this;
    const { network, neuron, weight, layer } = explorer;
    if (weight !== null) {
      this.element.textContent = explorer.text("spoken.weight", {
        name: network.weightName(weight), value: number(network.values[weight]),
        n: network.uses(weight).sources.length });
    } else if (neuron !== null) {
      this.element.textContent = explorer.text("spoken.neuron", {
        name: network.name(neuron), state: number(explorer.states[neuron]),
        terms: network.incoming(neuron).sources.length,
        feeds: network.outgoing(neuron).targets.length });
    } else {
      this.element.textContent = explorer.text("spoken.layer",
        { name: network.layers[layer].name });
    }
  }
}

// The frame's width, not the window's, says how the parts are laid out: a notebook's cell is narrow.
export function mount(frame, network, { texts, exercises = [], standalone = false }) {
  const explorer = new Explorer(network, new Texts(texts));
  const root = make("div", { className: "ng" });
  frame.classList.add("ng-frame");
  frame.replaceChildren(root);
  if (!standalone) frame.style.overflow = "auto";
  const themed = themer(explorer, root);
  themed("auto");
  const items = exercisesFor(network, exercises).map((item) => ({ ...item }));
  const pages = [neuronPage, weightPage, layerPage, countsPage, exercisePage(items), helpPage];
  explorer.tabs = pages.map(({ key }) => key);
  const picture = new Picture(explorer, new Captions(explorer));
  const legend = new Legend(explorer);
  const parts = {
    header: new Header(explorer, { standalone, themed }), picture, legend,
    input: new InputPart(explorer), magnified: new Magnified(explorer),
    panel: new Panel(explorer, pages), outputs: new Outputs(explorer), spoken: new Spoken(explorer),
  };
  root.replaceChildren(parts.header.element,
    make("section", { className: "network", "aria-label": explorer.text("picture.title") },
      picture.element, legend.element),
    make("div", { className: "lower" }, parts.input.element, parts.magnified.element,
      parts.panel.element, parts.outputs.element),
    parts.spoken.element);
  explorer.parts = [...Object.values(parts), picture.captions];
  if (standalone) explorer.parts.push(new Link(explorer, globalThis));
  picture.resized();
  return Object.assign(explorer, { picture });
}
