// What the network says: every output's state as a bar, the winner first to be seen.
import { make, named, number } from "./elements.js";

const MOST = 12; // outputs shown: of more, the best

export class Outputs {
  constructor(explorer) {
    this.explorer = explorer;
    this.list = make("div", { className: "bars" });
    this.verdict = make("p", { className: "verdict", role: "status" });
    this.rule = make("p", { className: "note" });
    this.element = make("section", { className: "outputs",
      "aria-label": explorer.text("outputs.title") },
    make("h2", { textContent: explorer.text("outputs.title") }), this.verdict, this.list,
    this.rule);
    this.update(new Set(["states"]));
  }

  shown() {
    const { network, states } = this.explorer;
    const places = Array.from(network.outputs.keys()).filter((i) => network.outputs[i] >= 0);
    if (places.length <= MOST) return places;
    const sign = network.penalties ? 1 : -1;
    const value = (place) => sign * states[network.outputs[place]];
    return places.sort((a, b) => value(a) - value(b)).slice(0, MOST);
  }

  update(changes) {
    if (!["states", "network", "theme"].some((c) => changes.has(c))) return;
    const { explorer } = this;
    const { network, states } = explorer;
    const winner = network.decide(states);
    const shown = this.shown();
    const values = shown.map((i) => states[network.outputs[i]]);
    const low = Math.min(0, ...values); // the bars begin at 0, in the middle if some are below it
    const reach = Math.max(0, ...values) - low || 1;
    this.list.replaceChildren(...shown.map((i, at) => this.bar(network.outputs[i], i === winner, {
      short: this.short(i), left: (Math.min(0, values[at]) - low) / reach,
      width: Math.abs(values[at]) / reach })));
    this.rule.textContent = explorer.text(!network.hasValues ? "outputs.structure"
      : network.penalties ? "outputs.penalties" : "outputs.scores");
    this.verdict.replaceChildren(explorer.text("outputs.verdict"), " ",
      make("strong", {}, named(this.short(winner))));
  }

  // "output[7]" is 7; an output with a name of its own is called by it.
  short(place) {
    const id = this.explorer.network.outputs[place];
    if (id === undefined) return "–";
    const name = this.explorer.network.name(id);
    return /\[(\d+)\]$/.exec(name)?.[1] ?? name;
  }

  bar(id, wins, { short, left, width }) {
    const { explorer } = this;
    const state = explorer.states[id];
    const style = { marginInlineStart: `${100 * left}%`, width: `${100 * width}%` };
    return make("button", { type: "button", className: wins ? "win" : "",
      title: explorer.network.name(id), onclick: () => explorer.choose(id) },
    make("span", { className: "bar-name" }, named(short)),
    make("span", { className: "bar-track" },
      make("i", { className: state < 0 ? "below" : "above", style })),
    make("span", { className: "bar-value", textContent: number(state, 2) }));
  }
}
