// Go to a neuron, a weight or a layer by its name.
import { make } from "./elements.js";
import { exampleName } from "./links.js";

let lists = 0; // of suggestions, each with an id of its own

export class Search {
  constructor(explorer) {
    this.explorer = explorer;
    this.list = make("datalist", { id: `ng-names-${++lists}` });
    this.input = make("input", { type: "search", placeholder: exampleName(explorer.network),
      "aria-label": explorer.text("search.label"), list: this.list.id, autocomplete: "off",
      spellcheck: false });
    this.message = make("span", { role: "status", className: "note" });
    this.input.addEventListener("input", () => this.suggested());
    this.element = make("form", { className: "search", role: "search",
      onsubmit: (event) => this.submitted(event) }, this.input, this.list,
    make("button", { type: "submit", textContent: explorer.text("search.go") }), this.message);
  }

  suggested() {
    const names = this.explorer.network.suggest(this.input.value);
    this.list.replaceChildren(...names.map((value) => make("option", { value })));
  }

  submitted(event) {
    event.preventDefault();
    const name = this.input.value.trim();
    if (!name) return;
    const { explorer } = this;
    const found = explorer.network.find(name);
    if (!found) {
      const like = explorer.network.suggest(name).join(", ");
      this.message.textContent = explorer.text(like ? "search.like" : "search.none",
        { name, like });
      return;
    }
    this.message.textContent = "";
    explorer.open(found);
  }

  update() {}
}
