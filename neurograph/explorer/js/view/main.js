// The page: the network is read, and what there is to see is put into <main>.
import { Network } from "../network.js";
import { readPayload } from "../payload.js";
import { mount } from "./mount.js";

function json(document, id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export async function start(document) {
  const network = new Network(await readPayload(document.getElementById("payload").textContent));
  const texts = json(document, "texts");
  document.documentElement.lang = texts.language;
  globalThis.explorer = mount(document.querySelector("main"), network, {
    texts, exercises: json(document, "exercises"), standalone: true,
  });
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}
