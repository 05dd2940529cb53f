// Title, search, what is chosen in words, the theme, the link.
import { make, named, press } from "./elements.js";
import { linkOf } from "./link.js";
import { Search } from "./search.js";

const THEMES = ["auto", "light", "dark"];

export class Header {
  constructor(explorer, { standalone, themed }) {
    this.explorer = explorer;
    this.themed = themed;
    this.theme = 0;
    this.search = new Search(explorer);
    this.undo = press("", () => explorer.undo());
    this.button = press("", () => this.turn());
    this.copied = make("span", { role: "status", className: "note" });
    const link = standalone ? press(explorer.text("link.copy"), () => this.copy()) : null;
    this.element = make("header", { className: "head" },
      make("h1", {}, named(explorer.network.title)), this.search.element,
      make("div", { className: "bar" }, this.undo, link, this.copied, this.button));
    this.turnedTo(0);
    this.update(new Set());
  }

  turn() {
    this.turnedTo((this.theme + 1) % THEMES.length);
  }

  turnedTo(theme) {
    this.theme = theme;
    this.button.textContent = this.explorer.text(`theme.${THEMES[theme]}`);
    this.themed(THEMES[theme]);
  }

  async copy() {
    const { location, navigator } = globalThis;
    const address = location.href.replace(/#.*$/, "") + linkOf(this.explorer);
    try {
      await navigator.clipboard.writeText(address);
      this.copied.textContent = this.explorer.text("link.copied");
    } catch {
      this.copied.textContent = this.explorer.text("link.address");
    }
  }

  update() {
    const { length } = this.explorer.history;
    this.undo.textContent = this.explorer.text("head.undo", { n: length });
    this.undo.hidden = length === 0;
  }
}
