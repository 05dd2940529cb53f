// The explorer in a notebook, as anywidget asks for it: render({ model, el }).
import { Network } from "./network.js";
import { readPayload } from "./payload.js";
import { mount } from "./view/mount.js";

async function render({ model, el }) {
  const root = document.createElement("div");
  const network = new Network(await readPayload(model.get("payload")));
  el.append(root);
  root.style.height = `${model.get("height")}px`;
  model.on("change:height", () => (root.style.height = `${model.get("height")}px`));
  mount(root, network, model.get("contents"));
}

export const widget = { render };
