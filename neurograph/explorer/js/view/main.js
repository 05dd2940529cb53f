// The page: the network is read, and what there is to see is put into <main>.
import { readPayload } from "../payload.js";
import { Network } from "../network.js";

export async function start(document) {
  const network = new Network(await readPayload(document.getElementById("payload").textContent));
  const texts = JSON.parse(document.getElementById("texts").textContent);
  document.querySelector("main").append(`${network.title}: ${network.neurons} ${texts.neurons}`);
  globalThis.explorer = { network };
}
